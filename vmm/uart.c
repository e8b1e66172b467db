// SPDX-License-Identifier: ISC
#include "vmm/uart.h"

enum {               /* registers; the second name is the one that writing reaches */
       REG_DATA = 0, /* RBR, THR, and with DLAB the divisor's low byte */
       REG_IER = 1,  /* and with DLAB the divisor's high byte */
       REG_IIR = 2,  /* FCR */
       REG_LCR = 3,
       REG_MCR = 4,
       REG_LSR = 5,
       REG_MSR = 6,
       REG_SCRATCH = 7,
};

enum {
	IER_RX = 0x01,
	IER_THRE = 0x02,
	IER_LINE = 0x04,
	IER_MODEM = 0x08,
	IER_MASK = 0x0f, /* drivers tell the 16550A from later chips by the zeroes above */

	IIR_NONE = 0x01,
	IIR_MODEM = 0x00,
	IIR_THRE = 0x02,
	IIR_RX = 0x04,
	IIR_LINE = 0x06,
	IIR_TIMEOUT = 0x0c,
	IIR_FIFOS = 0xc0,

	FCR_ENABLE = 0x01,
	FCR_CLEAR_RX = 0x02,

	LCR_DLAB = 0x80,

	MCR_DTR = 0x01,
	MCR_RTS = 0x02,
	MCR_OUT1 = 0x04,
	MCR_OUT2 = 0x08,
	MCR_LOOP = 0x10,
	MCR_MASK = 0x1f,

	LSR_DATA = 0x01,
	LSR_OVERRUN = 0x02,
	LSR_THRE = 0x20,
	LSR_IDLE = 0x40,

	MSR_CTS = 0x10,
	MSR_DSR = 0x20,
	MSR_RI = 0x40,
	MSR_DCD = 0x80,
};

static bool
fifo_enabled(const struct uart *uart)
{
	return (uart->fcr & FCR_ENABLE) != 0;
}

/* The receiver holds one byte unless the FIFO is on. */
static uint32_t
rx_capacity(const struct uart *uart)
{
	return fifo_enabled(uart) ? UART_FIFO_SIZE : 1;
}

static uint32_t
rx_trigger(const struct uart *uart)
{
	static const uint8_t levels[4] = { 1, 4, 8, 14 };

	return fifo_enabled(uart) ? levels[uart->fcr >> 6] : 1;
}

/* Modem lines: a terminal that is always there, or in loopback the outputs fed back. */
static uint8_t
modem_lines(const struct uart *uart)
{
	uint8_t lines = 0;

	if ((uart->mcr & MCR_LOOP) == 0) {
		return MSR_CTS | MSR_DSR | MSR_DCD;
	}
	lines |= (uart->mcr & MCR_RTS) != 0 ? MSR_CTS : 0;
	lines |= (uart->mcr & MCR_DTR) != 0 ? MSR_DSR : 0;
	lines |= (uart->mcr & MCR_OUT1) != 0 ? MSR_RI : 0;
	lines |= (uart->mcr & MCR_OUT2) != 0 ? MSR_DCD : 0;
	return lines;
}

/*
 * The source that IIR names, by the chip's priorities. A FIFO below its trigger level reports the
 * character timeout at once: there is no clock here, and the line was idle for long enough.
 */
static uint8_t
irq_source(const struct uart *uart)
{
	if ((uart->ier & IER_LINE) != 0 && uart->overrun) {
		return IIR_LINE;
	}
	if ((uart->ier & IER_RX) != 0 && uart->rx_count > 0) {
		return uart->rx_count >= rx_trigger(uart) ? IIR_RX : IIR_TIMEOUT;
	}
	if ((uart->ier & IER_THRE) != 0 && uart->thre_pending) {
		return IIR_THRE;
	}
	if ((uart->ier & IER_MODEM) != 0 && uart->msr_delta != 0) {
		return IIR_MODEM;
	}
	return IIR_NONE;
}

static void
irq_update(struct uart *uart)
{
	bool level = irq_source(uart) != IIR_NONE;

	if (level != uart->irq_level) {
		uart->irq_level = level;
		uart->host.set_irq(uart->host.context, level);
	}
}

static void
rx_push(struct uart *uart, uint8_t byte)
{
	if (uart->rx_count >= rx_capacity(uart)) {
		uart->overrun = true;
		return;
	}
	uart->rx[(uart->rx_first + uart->rx_count) % UART_FIFO_SIZE] = byte;
	uart->rx_count++;
}

static uint8_t
rx_pop(struct uart *uart)
{
	uint8_t byte;

	if (uart->rx_count == 0) {
		return 0;
	}
	byte = uart->rx[uart->rx_first];
	uart->rx_first = (uart->rx_first + 1) % UART_FIFO_SIZE;
	uart->rx_count--;
	if (uart->rx_count == 0) {
		uart->has_looped = false;
	}
	return byte;
}

void
uart_init(struct uart *uart, const struct uart_host *host)
{
	/* 9600 baud after reset by custom; nobody's bytes are any slower for it. */
	*uart = (struct uart){ .host = *host, .divisor = { 12, 0 } };
}

static uint8_t
read_iir(struct uart *uart)
{
	uint8_t source = irq_source(uart);

	/* Reading it is seeing it: the transmitter's interrupt is acknowledged here. */
	if (source == IIR_THRE) {
		uart->thre_pending = false;
	}
	return source | (fifo_enabled(uart) ? IIR_FIFOS : 0);
}

static uint8_t
read_lsr(struct uart *uart)
{
	uint8_t value = LSR_THRE | LSR_IDLE;

	value |= uart->rx_count > 0 ? LSR_DATA : 0;
	value |= uart->overrun ? LSR_OVERRUN : 0;
	uart->overrun = false;
	return value;
}

static uint8_t
read_msr(struct uart *uart)
{
	uint8_t value = modem_lines(uart) | uart->msr_delta;

	uart->msr_delta = 0;
	return value;
}

static uint8_t
read_register(struct uart *uart, uint32_t offset)
{
	bool dlab = (uart->lcr & LCR_DLAB) != 0;

	switch (offset) {
	case REG_DATA:
		return dlab ? uart->divisor[0] : rx_pop(uart);
	case REG_IER:
		return dlab ? uart->divisor[1] : uart->ier;
	case REG_IIR:
		return read_iir(uart);
	case REG_LCR:
		return uart->lcr;
	case REG_MCR:
		return uart->mcr;
	case REG_LSR:
		return read_lsr(uart);
	case REG_MSR:
		return read_msr(uart);
	case REG_SCRATCH:
		return uart->scratch;
	default:
		return UINT8_MAX;
	}
}

uint8_t
uart_read(struct uart *uart, uint32_t offset)
{
	uint8_t value = read_register(uart, offset);

	irq_update(uart);
	return value;
}

/*
 * The byte leaves at once, but the interrupt line must fall and rise: it is wired to an
 * edge-triggered input.
 */
static void
write_data(struct uart *uart, uint8_t value)
{
	uart->thre_pending = false;
	irq_update(uart);
	if ((uart->mcr & MCR_LOOP) != 0) {
		rx_push(uart, value);
		uart->has_looped = true;
	} else {
		uart->host.output(uart->host.context, value);
	}
	uart->thre_pending = true;
}

static void
write_ier(struct uart *uart, uint8_t value)
{
	/* Enabling it with an empty transmitter raises it: drivers start sending that way. */
	if ((value & IER_THRE) != 0 && (uart->ier & IER_THRE) == 0) {
		uart->thre_pending = true;
	}
	uart->ier = value & IER_MASK;
}

/*
 * Clearing the FIFO, and switching it either way, drops what came by loopback: the guest knows what
 * that was. Bytes from outside stay: when they arrive is for us to say, and it is right after this.
 */
static void
write_fcr(struct uart *uart, uint8_t value)
{
	bool toggled = ((uart->fcr ^ value) & FCR_ENABLE) != 0;

	/* The other bits are writable only together with the enable bit. */
	uart->fcr = (value & FCR_ENABLE) != 0 ? value : 0;
	if (uart->has_looped && (toggled || (uart->fcr & FCR_CLEAR_RX) != 0)) {
		uart->rx_count = 0;
		uart->has_looped = false;
	}
}

static void
write_mcr(struct uart *uart, uint8_t value)
{
	uint8_t before = modem_lines(uart);
	uint8_t changed;

	uart->mcr = value & MCR_MASK;
	changed = before ^ modem_lines(uart);
	/* RI reports its trailing edge only. */
	if ((before & MSR_RI) == 0) {
		changed &= (uint8_t)~MSR_RI;
	}
	uart->msr_delta |= changed >> 4;
}

void
uart_write(struct uart *uart, uint32_t offset, uint8_t value)
{
	bool dlab = (uart->lcr & LCR_DLAB) != 0;

	if (dlab && offset <= REG_IER) {
		uart->divisor[offset] = value;
		return;
	}
	switch (offset) {
	case REG_DATA:
		write_data(uart, value);
		break;
	case REG_IER:
		write_ier(uart, value);
		break;
	case REG_IIR:
		write_fcr(uart, value);
		break;
	case REG_LCR:
		uart->lcr = value;
		break;
	case REG_MCR:
		write_mcr(uart, value);
		break;
	case REG_SCRATCH:
		uart->scratch = value;
		break;
	default:
		/* LSR and MSR are read-only. */
		break;
	}
	irq_update(uart);
}

size_t
uart_receive_room(const struct uart *uart)
{
	uint32_t capacity = rx_capacity(uart);

	/* In loopback the outside is cut off; it waits. */
	if ((uart->mcr & MCR_LOOP) != 0 || uart->rx_count >= capacity) {
		return 0;
	}
	return capacity - uart->rx_count;
}

size_t
uart_receive(struct uart *uart, const uint8_t *bytes, size_t size)
{
	size_t room = uart_receive_room(uart);
	size_t count = size < room ? size : room;

	for (size_t i = 0; i < count; i++) {
		rx_push(uart, bytes[i]);
	}
	irq_update(uart);
	return count;
}
