// SPDX-License-Identifier: ISC
/*
 * Ring 3 of the machine: address spaces of a few pages, one register that the kernel leaves alone,
 * and user code, which is a function of the scenario.
 */
#include "guest/arch.h"
#include "guest/context_tracking.h"
#include "guest/entry_user.h"
#include "guest/exception.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/syscall.h"
#include "guest/task.h"
#include "guest/user.h"
#include "tests/host/run.h"

/* ---- address spaces ---- */

bool
arch_mm_init(struct arch_mm *mm)
{
	mm->count = 0;
	return true;
}

void
arch_mm_free(struct arch_mm *mm)
{
	for (unsigned int n = 0; n < machine.cpu_count; n++) {
		if (machine.cpus[n].loaded == mm) {
			host_fail("cpu %u has an address space loaded that is freed", n);
		}
	}
	for (unsigned int i = 0; i < mm->count; i++) {
		page_free(mm->pages[i].page);
	}
}

void *
arch_mm_map(struct arch_mm *mm, uintptr_t va, unsigned int prot)
{
	char *page = mm->count < HOST_USER_PAGES_MAX ? page_alloc() : NULL;

	ASSERT(arch_mm_find(mm, va, false) == NULL);
	if (page != NULL) {
		mm->pages[mm->count] = (struct host_user_page){ va, page, prot };
		host_rmw(&mm->count, sizeof(mm->count), HOST_ADD, 1); /* users may look meanwhile */
	}
	return page;
}

void *
arch_mm_find(const struct arch_mm *mm, uintptr_t va, bool write)
{
	for (unsigned int i = 0; i < mm->count; i++) {
		const struct host_user_page *page = &mm->pages[i];

		if (va - page->va < PAGE_SIZE && (!write || (page->prot & ARCH_PROT_WRITE))) {
			return page->page + (va - page->va);
		}
	}
	return NULL;
}

void
arch_mm_load(const struct arch_mm *mm)
{
	ASSERT(arch_irqs_disabled());
	host_this->loaded = mm;
}

/* ---- tasks ---- */

void
arch_user_init(struct task *task, void *state)
{
	task->arch.user_word = state;
}

void *
arch_user_end(struct task *task)
{
	return task->arch.user_word;
}

void
arch_user_save(struct task *task)
{
	*task->arch.user_word = host_this->user_word;
	host_this->user_word = 0;
}

void
arch_user_restore(struct task *task)
{
	host_this->user_word = *task->arch.user_word;
}

void
arch_user_enter(uintptr_t ip, uintptr_t stack, uint64_t arg)
{
	(void)stack; /* in memory as it should be, but functions of this process need another */
	user_mode_begin();
	host_return_to_user();
	((void (*)(uint64_t))ip)(arg);
	host_fail("user code returned");
}

/* ---- user memory ---- */

size_t
arch_copy_from_user(void *to, uintptr_t from, size_t size)
{
	for (; size != 0; size--, from++, to = (char *)to + 1) {
		const char *byte = arch_mm_find(host_this->loaded, from, false);

		if (byte == NULL && host_is_mapped((const void *)from)) {
			byte = (const char *)from; /* the kernel's half is there, too */
		}
		if (byte == NULL) {
			break;
		}
		*(char *)to = *byte;
	}
	return size;
}

size_t
arch_copy_to_user(uintptr_t to, const void *from, size_t size)
{
	for (; size != 0; size--, to++, from = (const char *)from + 1) {
		char *byte = arch_mm_find(host_this->loaded, to, true);

		if (byte == NULL && host_is_mapped((void *)to)) {
			byte = (char *)to;
		}
		if (byte == NULL) {
			break;
		}
		*byte = *(const char *)from;
	}
	return size;
}

/* ---- user code ---- */

static void
enter_kernel(void)
{
	host_user_step();
	host_this->in_user = false;
	host_this->irqs_on = false;
	syscall_enter_from_user_mode();
}

static void
leave_kernel(uint64_t number)
{
	syscall_exit_to_user_mode(number);
	host_return_to_user();
}

uint64_t
host_syscall(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t result;

	enter_kernel();
	result = (uint64_t)syscall_call(number, a, b, c);
	leave_kernel(number);
	return result;
}

void
host_syscall_of(void (*fn)(void))
{
	enter_kernel();
	fn();
	leave_kernel(SYSCALL_COUNT);
}

/* The exception, and the end of the task if it cannot be mended. */
static void
fault(uintptr_t va)
{
	struct regs regs = { .irqs_on = true, .user = true };

	host_this->in_user = false;
	host_this->irqs_on = false;
	irqentry_enter_from_user_mode();
	arch_irq_enable();
	if (!exception_mend_user(&regs, va)) {
		user_kill(SIGSEGV, "page fault at %016lx", (unsigned long)va);
	}
	arch_irq_disable();
	irqentry_exit_to_user_mode();
	host_return_to_user();
}

void
host_user_touch(uintptr_t va)
{
	host_user_step();
	host_load(&host_this->loaded->count, sizeof(unsigned int), __ATOMIC_ACQUIRE);
	if (arch_mm_find(host_this->loaded, va, true) == NULL) {
		fault(va);
	}
	host_user_step();
	HOST_EXPECT(arch_mm_find(host_this->loaded, va, true) != NULL);
}

void
host_user_step(void)
{
	uint32_t context;

	host_point_local();
	context = (uint32_t)per_cpu(context_tracking, host_this->id).value;
	HOST_EXPECT(host_this->in_user);
	HOST_EXPECT(host_this->irqs_on);
	HOST_EXPECT(host_this->loaded == &host_this->switched_to->mm->arch);
	HOST_EXPECT((context & (CT_CONTEXT_MASK | CT_WATCHING)) == CT_USER);
	HOST_EXPECT(host_this->user_word == host_this->switched_to->arch.user_expected);
}

void
host_user_set_word(uint64_t word)
{
	host_this->user_word = word;
	host_this->switched_to->arch.user_expected = word;
}
