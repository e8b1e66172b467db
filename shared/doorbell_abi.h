// SPDX-License-Identifier: ISC
/*
 * The doorbell: a block of 32-bit I/O ports through which the guest talks to its VMM, and the
 * console ring that it announces. Directions are the guest's: OUT writes, IN reads. An access of
 * another width or to another offset does nothing (OUT) or reads all ones (IN).
 *
 * A tree may name a doorbell that is not there (a dumped tree used under another VMM): the guest
 * believes in it only if DOORBELL_ID reads DOORBELL_MAGIC.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOORBELL_PORT  0xd00u
#define DOORBELL_PORTS 0x20u /* length of the block, in ports */

#define DOORBELL_ID      0x00u /* IN: DOORBELL_MAGIC */
#define DOORBELL_EXIT    0x04u /* OUT: status 0-255, ends the run */
#define DOORBELL_CONSOLE 0x08u /* OUT: drain the console ring; done when the OUT retires */
#define DOORBELL_SETTLE  0x0cu /* OUT: no effect but its exit, which lets a pending interrupt in */
/*
 * OUT: the guest has printed its last words: report it, status 70. The value: the low 32 bits of
 * the address of the outermost preempt_disable() that is still open there, 0: none. Kernel
 * addresses are sign-extended from 32 bits.
 */
#define DOORBELL_PANIC 0x10u
/*
 * OUT: vector | APIC id << 8: interrupt that cpu with that vector when an event comes, and at once
 * if one has come already; vector 0: no longer. Nothing comes of a vector below 32 or of an id that
 * no cpu has. IN: the events that have come since the last IN, DOORBELL_EVENT_*. Only the latest
 * OUT counts; an event that comes several times before the IN is one, and an interrupt may find
 * none.
 */
#define DOORBELL_EVENT 0x14u

/*
 * OUT: the low 32 bits of a kernel address of which the last words speak: the report of a panic
 * that follows names it. Of more than DOORBELL_PLACES_MAX the first count.
 */
#define DOORBELL_PLACE      0x18u
#define DOORBELL_PLACES_MAX 16u

/*
 * OUT: DOORBELL_INJECT_*: this cpu gets that error before the instruction behind the OUT, if the
 * user has ordered one that has not come yet; else nothing happens. A string of them is one
 * instruction, and gets each error once. IN: what is still ordered, bit n: DOORBELL_INJECT_* of
 * that number.
 *
 * A machine check has its status in bank 1. The fatal one says that the processor's context is
 * corrupt, and that there is no address to return to.
 */
#define DOORBELL_INJECT           0x1cu
#define DOORBELL_INJECT_NMI       1u
#define DOORBELL_INJECT_MCE       2u
#define DOORBELL_INJECT_MCE_FATAL 3u

#define DOORBELL_EVENT_MODEL     0x1u /* the user asks for the next preemption model */
#define DOORBELL_EVENT_INPUT_END 0x2u /* the input has ended: the UART has received all of it */

#define DOORBELL_MAGIC 0x4b54564fu /* "OVTK" in memory */

/*
 * The console ring, at the region FDT_COMPAT_CONSOLE. head and tail are free-running byte counts;
 * bytes [tail, head) modulo size are unread, and head - tail <= size. The guest writes bytes, then
 * head; the VMM reads head once, then bytes, then writes tail. It drains on DOORBELL_CONSOLE,
 * before each byte of the UART, and when the run ends however it ends, so a dying guest loses
 * nothing. Behind an address, [<16 digits>], it prints the name of what is there (vmm/names.h).
 */
struct console_ring {
	uint32_t head; /* written by the guest */
	uint32_t tail; /* written by the VMM */
	uint32_t size; /* bytes in data[], a power of two; written by the VMM before entry */
	uint32_t reserved;
	uint8_t data[];
};
_Static_assert(sizeof(struct console_ring) == 16, "header of the console ring");

#define CONSOLE_REGION_SIZE 0x2000u /* bytes: data[] is the largest power of two that fits */
