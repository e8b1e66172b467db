// SPDX-License-Identifier: ISC
/*
 * Storms over vcpus, which must end right whatever comes at them, and add up. Bounded by counts,
 * which each model and each order of the run loop has its share of.
 *
 * -- sums COUNT SEED: sums in XMM registers, until their tasks were preempted so often;
 * -- kicks COUNT SEED: so many requests, kicks, pauses and interrupts, from every cpu;
 * -- moves COUNT SEED: their tasks are sent so often to another cpu;
 * -- all SEED COUNT: each of them, COUNT often.
 */
#include "guest/arch.h"
#include "guest/cmdline.h"
#include "guest/errno.h"
#include "guest/main.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/sched_change.h"
#include "guest/smp.h"
#include "guest/string.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "guest/vcpu_request.h"
#include "shared/scenario_abi.h"
#include "tests/scenario/payload/programs.h"
#include "tests/scenario/seed.h"
#include "tests/scenario/vcpu_payload.h"

#define MACHINES_MAX 3u
#define STORM_PRIO   50 /* FIFO: more important than what runs vcpus */
#define SHORT_NS     50000u
#define LONG_NS      1000000u
#define LONG_EVERY   4u   /* so that guests get on where SHORT_NS does not lead to an entry */
#define NAP_EVERY    4u   /* calls of a stormer */
#define CALLS_MAX    400u /* of all stormers, on one set of machines */
#define SUMS_EACH    50u /* for each of those: few enough for a machine on which an entry is dear */

PAYLOAD_BLOB(sums)
PAYLOAD_BLOB(endless)
PAYLOAD_BLOB(ticks)
PAYLOAD_BLOB(pingpong)

static const char *const early_names[] = {
	[VM_EARLY_IRQS_ON] = "irqs-on",
	[VM_EARLY_IRQS_OFF] = "irqs-off",
};

static enum vm_early early;
static uint32_t seed;
static uint32_t failures;
static uint64_t switches; /* of tasks that run vcpus, not wanted by them */

static uint32_t
draw(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* ---- machines ---- */

static struct vcpu_crew crews[MACHINES_MAX];
static uint32_t crew_count;

/* One more machine, with its vcpus not started. */
static bool
add_crew(const struct payload *payload, uint32_t count, uint32_t parameter)
{
	struct vm *vm = payload_machine(payload, early);

	if (vm == NULL) {
		return false;
	}
	if (vcpu_crew_create(&crews[crew_count++], vm, count, parameter) != count) {
		return false;
	}
	return true;
}

static void
start_crews(void)
{
	for (uint32_t n = 0; n < crew_count; n++) {
		vcpu_crew_start(&crews[n], &(struct task_params){ .cpus_allowed = 0 });
	}
}

/* What has happened to the vcpus of this storm so far. */
static struct {
	uint64_t preempted;
	uint64_t aborts;
	uint64_t halts;
	uint64_t exiting;
	uint64_t waits;
	uint64_t ipis;
	struct atomic calls;
	struct atomic found_elsewhere; /* moves of a vcpu that was loaded where it may be no more */
} sums;

static void
add_stats(const struct vcpu_crew *crew)
{
	for (const struct vcpu_member *member = crew->first; member != NULL;
	     member = member->next) {
		const struct vcpu_stats *stats = &member->vcpu->stats;

		sums.preempted += stats->outs_preempted;
		sums.aborts += stats->aborts;
		sums.halts += stats->halts;
		sums.exiting += atomic_load(&stats->exiting);
		sums.waits += atomic_load(&stats->waits);
		sums.ipis += atomic_load(&stats->ipis);
	}
}

/* Until all have stopped: right, or because they were killed. Their machines go. */
static bool
end_crews(void)
{
	bool right = true;

	for (uint32_t n = 0; n < crew_count; n++) {
		struct vcpu_crew *crew = &crews[n];
		int error = atomic_load(&crew->vm->dead) ? -EIO : 0;

		vcpu_crew_join(crew);
		right = crew_stopped_so(crew, error, VCPU_STOP_SHUTDOWN, PAYLOAD_RIGHT) && right;
		add_stats(crew);
		vcpu_crew_end(crew);
		vm_destroy(crew->vm);
	}
	crew_count = 0;
	return right;
}

/* ---- those that storm: a task on each cpu ---- */

static struct task *stormers[CPUS_MAX];
static uint32_t calls; /* of all of them, on one set of machines; payloads last about as long */
static struct atomic is_over;
static uint32_t round;

static void
start_stormers(void (*fn)(void *))
{
	atomic_store(&is_over, 0);
	round++;
	for_each_cpu (cpu) {
		stormers[cpu] = task_run(&(struct task_params){
			.comm = "storm",
			.fn = fn,
			.arg = (void *)(uintptr_t)cpu,
			.policy = SCHED_FIFO,
			.rt_priority = STORM_PRIO,
			.cpus_allowed = 1ull << cpu,
		});
	}
}

static void
join_stormers(void)
{
	for_each_cpu (cpu) {
		task_join(stormers[cpu]);
	}
}

/* The state to draw from, of the one on this cpu. */
static uint32_t
first_state(const void *arg)
{
	uint32_t state = seed * 2654435761u + round * 40503u + (uint32_t)(uintptr_t)arg;

	draw(&state);
	return state;
}

static struct vcpu_member *
draw_member(uint32_t *state, const struct vcpu_crew *crew)
{
	struct vcpu_member *member = crew->first;

	for (uint32_t n = draw(state) % crew->count; n != 0; n--) {
		member = member->next;
	}
	return member;
}

/* call() so often that all of them make these calls; they sleep in between, so that vcpus run. */
static void
storm(void *arg, void (*call)(uint32_t *state))
{
	uint32_t state = first_state(arg);

	for (uint32_t n = 0; n < (calls + cpu_count - 1) / cpu_count; n++) {
		call(&state);
		atomic_fetch_add(&sums.calls, 1);
		if (n % NAP_EVERY == 0) {
			timer_sleep(draw(&state) % SHORT_NS);
		}
	}
}

/* ---- sums ---- */

static void
interrupt_guests(void *arg)
{
	uint32_t state = first_state(arg);

	for (uint32_t n = 1; !atomic_load(&is_over);
	     n++) { /* bounded: until the guests have ended */
		timer_sleep(n % LONG_EVERY == 0 ? LONG_NS : draw(&state) % SHORT_NS);
	}
}

/* P51 (every): registers that the kernel never saves by itself outlive every switch. */
static bool
run_sums(void)
{
	bool right;

	if (!add_crew(PAYLOAD(sums), 4, SUMS_EACH * calls)) {
		return false;
	}
	start_stormers(interrupt_guests);
	start_crews();
	right = end_crews();
	atomic_store(&is_over, 1);
	join_stormers();
	return right;
}

static uint64_t
count_preempted(void)
{
	return sums.preempted;
}

static bool
was_preempted(void)
{
	return sums.preempted != 0;
}

/* ---- kicks ---- */

enum { KICKED_SUMS, KICKED_PINGPONG, KICKED_ENDLESS };

/*
 * What this machine's vcpus can take: one that waits for a ring must not forget that, nor sleep
 * with its interrupts off; sums may begin anew, and what never ends may do anything.
 */
static enum vcpu_request
draw_request(uint32_t *state, uint32_t machine)
{
	static const enum vcpu_request requests[] = {
		VCPU_REQ_SLEEP,         VCPU_REQ_IRQ_PENDING, VCPU_REQ_STEAL, VCPU_REQ_FLUSH_ALL,
		VCPU_REQ_FLUSH_CURRENT, VCPU_REQ_UNBLOCK,     VCPU_REQ_RESET, VCPU_REQ_SUSPEND,
	};
	uint32_t count = machine == KICKED_PINGPONG ? 6 : machine == KICKED_SUMS ? 7 : 8;

	return requests[draw(state) % count];
}

static void
kick_one(uint32_t *state)
{
	uint32_t machine = draw(state) % crew_count;
	struct vcpu *vcpu = draw_member(state, &crews[machine])->vcpu;
	unsigned int flags =
		draw(state) % 8; /* VCPU_REQ_WAIT, VCPU_REQ_NO_WAKEUP, VCPU_REQ_NO_ACTION */

	switch (draw(state) % 8) {
	case 0:
		vcpu_kick(vcpu);
		break;
	case 1:
		vcpu_pause(vcpu);
		timer_sleep(draw(state) % SHORT_NS);
		vcpu_resume(vcpu);
		break;
	case 2:
	case 3:
		vcpu_interrupt(vcpu, PAYLOAD_VECTOR_DOORBELL);
		break;
	case 4:
		vm_make_all_requests(vcpu->vm, draw_request(state, machine), flags);
		break;
	default:
		vcpu_make_request(vcpu, draw_request(state, machine), flags);
	}
}

static void
kick_guests(void *arg)
{
	storm(arg, kick_one);
}

/* P55, P58 (every): nobody hangs, whatever is asked of guests that compute and that halt. */
static bool
run_kicks(void)
{
	if (!add_crew(PAYLOAD(sums), 2, 2 * SUMS_EACH * calls) ||
	    !add_crew(PAYLOAD(pingpong), 2, calls) || !add_crew(PAYLOAD(endless), 2, 0)) {
		return false;
	}
	start_crews();
	start_stormers(kick_guests);
	join_stormers();
	vm_kill(crews[KICKED_ENDLESS].vm);
	return end_crews();
}

static uint64_t
count_calls(void)
{
	return atomic_load(&sums.calls);
}

/* On one cpu a kick finds nobody in there. */
static bool
found_in_guest(void)
{
	return cpu_count == 1 || sums.exiting + sums.waits != 0;
}

/* ---- moves ---- */

/* Mostly away from where it is loaded. */
static void
move_one(uint32_t *state)
{
	struct vcpu_member *member = draw_member(state, &crews[draw(state) % crew_count]);
	uint32_t loaded = atomic_load(&member->vcpu->cpu);
	uint32_t cpu = draw(state) % cpu_count;
	uint64_t cpus;

	if (cpu == loaded && draw(state) % 4 != 0) {
		cpu = (cpu + 1) % cpu_count;
	}
	cpus = 1ull << cpu;
	if (draw(state) % 4 == 0) {
		cpus |= 1ull << draw(state) % cpu_count;
	}
	if (loaded != VCPU_NO_CPU && !(cpus & 1ull << loaded)) {
		atomic_fetch_add(&sums.found_elsewhere, 1);
	}
	set_cpus_allowed(member->task, cpus);
}

static void
move_guests(void *arg)
{
	storm(arg, move_one);
}

/* P50, P51 (every): a vcpu goes on where its task is sent, and has what it had. */
static bool
run_moves(void)
{
	if (!add_crew(PAYLOAD(sums), 4, 2 * SUMS_EACH * calls) ||
	    !add_crew(PAYLOAD(ticks), 4, calls / 4) || !add_crew(PAYLOAD(pingpong), 4, calls)) {
		return false;
	}
	start_crews();
	start_stormers(move_guests);
	join_stormers();
	return end_crews();
}

static bool
found_elsewhere(void)
{
	return cpu_count == 1 || atomic_load(&sums.found_elsewhere) != 0;
}

/* ---- the whole ---- */

static const struct storm {
	const char *name;
	bool (*run)(void); /* on one set of machines */
	uint64_t (*count)(void);
	bool (*was_met)(void); /* did it do what it is for? */
	const char *says;
} storms[] = {
	{ "sums", run_sums, count_preempted, was_preempted,
	  "sums are right to the last bit however often" },
	{ "kicks", run_kicks, count_calls, found_in_guest,
	  "nobody hangs whatever is asked of a vcpu" },
	{ "moves", run_moves, count_calls, found_elsewhere, "vcpus go on wherever they are sent" },
};

#define STORM_COUNT (sizeof(storms) / sizeof(storms[0]))

static void
tell(bool right, const char *says)
{
	printk("%s %s (preempt=%s, early=%s)\n", right ? "PASS" : "FAIL", says,
	       preempt_model_names[preempt_model()], early_names[early]);
	failures += !right;
}

/* Until it counts so many more; what fails ends it. */
static void
run_storm(const struct storm *which, uint64_t count)
{
	uint64_t end = which->count() + count;
	bool right = true;

	calls = count < CALLS_MAX ? (uint32_t)count : CALLS_MAX;
	while (right && which->count() < end) {
		right = which->run();
	}
	tell(right, which->says);
}

static void
run_model(const struct storm *which, enum preempt_model model, uint64_t count)
{
	preempt_model_set(model);
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		run_storm(which, count);
	}
}

/* In the model of the boot argument, or in all: then each has a share. */
static void
run_models(const struct storm *which, uint32_t count)
{
	static const enum preempt_model models[] = { PREEMPT_NONE, PREEMPT_VOLUNTARY, PREEMPT_LAZY,
		                                     PREEMPT_FULL };
	uint32_t runs = boot_args.preempt_given ? 2 : 8;
	uint64_t began_ns = arch_clock_ns();

	memset(&sums, 0, sizeof(sums));
	for (unsigned int i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		if (!boot_args.preempt_given || boot_args.preempt == models[i]) {
			run_model(which, models[i], (count + runs - 1) / runs);
		}
	}
	printk("%s: %llu preempted, %llu calls, %u found elsewhere, %llu aborts, %llu halts, "
	       "%llu exiting, %llu waits, %llu ipis, %llu ms\n",
	       which->name, (unsigned long long)sums.preempted, (unsigned long long)count_calls(),
	       atomic_load(&sums.found_elsewhere), (unsigned long long)sums.aborts,
	       (unsigned long long)sums.halts, (unsigned long long)sums.exiting,
	       (unsigned long long)sums.waits, (unsigned long long)sums.ipis,
	       (unsigned long long)(arch_clock_ns() - began_ns) / 1000000);
	switches += sums.preempted;
	if (!which->was_met()) {
		tell(false, "the storm met what it looks for");
	}
}

int
main(void)
{
	const char *what = boot_args.program;
	bool is_all = strncmp(what, "all", 3) == 0;
	uint32_t count = storm_number(is_all ? 2 : 1, 3000);

	seed = storm_number(is_all ? 1 : 2, 1);
	for (uint32_t n = 0; n < STORM_COUNT; n++) {
		if (is_all || strncmp(what, storms[n].name, strlen(storms[n].name)) == 0) {
			run_models(&storms[n], count);
		}
	}
	printk("%llu switches\n%u failures\n", (unsigned long long)switches, failures);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
