// SPDX-License-Identifier: ISC
#include "tests/fuzz/vcpu/exits.h"

#include "guest/vcpu.h"
#include "tests/fuzz/vcpu/instructions.h"

#define SHARES 16u /* in a row: for one of them the moment is the right one */

struct code exits_programs[EXITS_VCPUS];
struct code exits_handlers[EXITS_VCPUS];
bool exits_want_steal[EXITS_VCPUS];

HOST_STATE struct guest exits_guests[EXITS_VCPUS];
HOST_STATE uint64_t exits_writes;
HOST_STATE struct atomic exits_page_gone;
HOST_STATE struct atomic exits_page_free;

/* ---- the programs ---- */

/* first: the argument that names the instruction. */
static void
add(struct code *code, const struct fuzz_item *item, unsigned int first)
{
	unsigned int name = fuzz_arg(item, first, FUZZ_INSTRUCTION_COUNT);
	unsigned int times = name == FUZZ_INSTRUCTION_SHARE ? SHARES : 1;

	for (unsigned int n = 0; n < times && code->count < CODE_MAX; n++) {
		code->list[code->count++] = (struct instruction){
			.name = (uint8_t)name,
			.a = (uint8_t)fuzz_arg(item, first + 1, 256),
			.b = (uint8_t)(fuzz_arg(item, first + 2, 256) + n),
		};
	}
}

static void
add_to_each(const struct fuzz_item *item)
{
	for (unsigned int id = 0; id < EXITS_VCPUS; id++) {
		add(&exits_programs[id], item, 0);
	}
}

void
exits_load(const struct fuzz_input *input)
{
	struct fuzz_cursor cursor = fuzz_cursor(input, FUZZ_OPERATIONS);
	struct fuzz_item item;

	for (unsigned int id = 0; id < EXITS_VCPUS; id++) {
		exits_programs[id].count = 0;
		exits_handlers[id].count = 0;
		exits_want_steal[id] = false;
	}
	while (fuzz_next(&cursor, &item)) {
		unsigned int id = fuzz_arg(&item, 0, EXITS_VCPUS);

		if (item.kind == FUZZ_VCPU_GUEST) {
			add(&exits_programs[id], &item, 1);
		} else if (item.kind == FUZZ_VCPU_HANDLER) {
			add(&exits_handlers[id], &item, 1);
		} else if (item.kind == FUZZ_VCPU_EACH) {
			add_to_each(&item);
		} else if (item.kind == FUZZ_VCPU_STEAL) {
			exits_want_steal[id] = true;
		}
	}
}

bool
exits_has_program(uint32_t id)
{
	return id < EXITS_VCPUS && exits_programs[id].count != 0;
}

const char *
exits_instruction_name(unsigned int instruction)
{
	static const char *const names[] = {
#define NAME(name, words, a, b) [FUZZ_INSTRUCTION_##name] = #name,
		FUZZ_INSTRUCTIONS(NAME)
#undef NAME
	};

	return instruction < FUZZ_INSTRUCTION_COUNT ? names[instruction] : "";
}

/* ---- what comes from outside ---- */

uint32_t
exits_take_delivered(uint32_t id, bool *is_known)
{
	uint32_t delivered = exits_guests[id].delivered;

	exits_guests[id].delivered = 0;
	*is_known = !exits_guests[id].is_unknown;
	return delivered;
}

bool
exits_is_delivered(const struct vcpu *vcpu, unsigned int vector)
{
	unsigned int last = vcpu->arch.event.vector;

	return vcpu->arch.place.fn == (uintptr_t)exits_handler && vcpu->arch.place.at == 0 &&
	       (last == vector || (last < PAYLOAD_VECTOR_FIRST && vcpu->arch.depth > 1));
}

void
exits_take_nmi(enum early_cause cause)
{
	const struct vcpu *vcpu = HOST_PER_CPU(running_vcpu);

	if (!early_fault_is_awaited()) {
		return;
	}
	HOST_EXPECT(vcpu != NULL);
	if (is_ours(vcpu)) {
		note_error(vcpu);
	}
	early_fault_raise(cause);
}

void
exits_take_page_away(void (*flush)(void))
{
	uint32_t number = atomic_fetch_add(&exits_page_gone, 1) + 1;
	uint32_t translations;
	uint32_t is_free;

	host_guest_remap();
	translations = machine.translations;
	flush();
	for (unsigned int n = 0; n < machine.cpu_count; n++) {
		if (machine.cpus[n].in_guest &&
		    machine.cpus[n].guest->vm->entry == (uintptr_t)exits_guest &&
		    (int32_t)(machine.cpus[n].translations - translations) < 0) {
			host_fail("cpu %u runs a guest with translations of a page that is gone",
			          n);
		}
	}
	is_free = atomic_load(&exits_page_free);
	while (is_free < number && !atomic_try_cmpxchg(&exits_page_free, &is_free, number)) {
		/* bounded: by those who take pages away */
	}
}

/* ---- results ---- */

uint64_t
exits_count_written(void)
{
	return exits_writes;
}

uint64_t
exits_words(uint32_t id)
{
	const struct guest *guest = &exits_guests[id];

	return guest->has_ended && !guest->is_disturbed ? guest->sum << 1 | 1 : 0;
}

uint64_t
exits_errors(uint32_t id)
{
	return exits_guests[id].errors;
}
