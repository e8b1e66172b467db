// SPDX-License-Identifier: ISC
/*
 * Seeded bugs: mistakes that kernels have made, each at the place where it would be made, switched
 * on by the boot argument bug=NAME in images built for it. In all others bug(X) is the constant 0
 * and leaves no instruction behind.
 *
 * A line each: name, mistake, where it was seen (a commit of Linux or another kernel's bug), the
 * property that it breaks, and words of the report by which a suite must catch it. Where suites say
 * it in different words, " or " stands between them.
 *
 * What cannot be made here: a fault for a vcpu whose thread is still queued (seL4 issue #1645),
 * since a fault is data that its owner reads; a task that sleeps and stays queued (the other half
 * of cd9626e9ebc7, see SLEEPER_PREEMPTED), since the fair class dequeues at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUGS(X)                                                                                    \
	X(ABORT_LEAKS, "an entry that is given up leaves preemption off", "", "P56",               \
	  "preempt_count() == 0")                                                                  \
	X(ABORT_LEAVES_IRQS_OFF, "an entry that is given up leaves interrupts off", "", "P56",     \
	  "!arch_irqs_disabled()")                                                                 \
	X(ABORT_LEAVES_MODE, "an entry that is given up leaves the vcpu's mode at IN", "", "P56",  \
	  "mode) == OUTSIDE_GUEST_MODE")                                                           \
	X(AWAITED_TOO_LONG, "an error that comes behind early handling is taken for the guest's",  \
	  "", "P53", "early.cause) == EARLY_NONE")                                                 \
	X(BH_AS_SOFTIRQ, "local_bh_disable() counts one unit, as a softirq that runs does", "",    \
	  "P7", "!in_serving_softirq()")                                                           \
	X(BH_ENABLE_LOOKS_FIRST,                                                                   \
	  "local_bh_enable() looks for softirqs before interrupts serve their own", "", "P40",     \
	  "all_seen()")                                                                            \
	X(BH_ENABLE_PREEMPTIBLE, "local_bh_enable() runs softirqs after preemption is on", "",     \
	  "P44", "urgent_runs == before")                                                          \
	X(BH_ENABLE_UNASKED, "the outermost local_bh_enable() does not look for a request", "",    \
	  "P44", "no switch at unlock or !urgent_overslept()")                                     \
	X(CALL_UNWAITED, "a request that waits for its vcpu to leave the guest does not", "",      \
	  "P55", "back before its guest is left")                                                  \
	X(CANCEL_LETS_REQUEUE, "cancel_work_sync() does not refuse what is queued meanwhile", "",  \
	  "P32", "!is_gone")                                                                       \
	X(CHECK_BEFORE_MODE,                                                                       \
	  "the last look before the entry comes before the vcpu's mode says IN", "", "P55",        \
	  "stays in its guest")                                                                    \
	X(COMPLETE_ALL_WRAPS, "complete() counts on after complete_all()", "", "P32",              \
	  "done_count == wanted")                                                                  \
	X(COMPLETION_LEFT_TO_SIGNAL,                                                               \
	  "a waiter that was chosen looks at its signals before the count", "", "P32",             \
	  "job.done == 0")                                                                         \
	X(COMPLETION_SEEN_UNLOCKED, "a waiter takes what is done without the lock", "", "P32",     \
	  "stack_is_ours()")                                                                       \
	X(COND_RESCHED_IN_FULL, "cond_resched() stays a point under full", "", "P13",              \
	  "preempt_policy_allows(policy, reason)")                                                 \
	X(COND_RESCHED_IRQS_OFF, "cond_resched() switches with interrupts off", "82c387ef7568",    \
	  "P18", "FAIL cond_resched switches or a switch at this point")                           \
	X(CONT_LEAVES_STOP, "SIGCONT does not cancel a SIGSTOP that was not taken yet", "", "P32", \
	  "done_count == wanted")                                                                  \
	X(COPY_GROWS_NOTHING, "a system call cannot name what a stack has not grown to yet", "",   \
	  "P20", "BELOW - 1, 4, 0) == 4")                                                          \
	X(CT_ENTER_UNORDERED, "RCU sees late that a cpu left idle", "", "RCU",                     \
	  "a reader sees freed memory")                                                            \
	X(DEAD_SERVED_LAST, "a vcpu looks last whether its machine is dead", "", "P55",            \
	  "a dead machine's vcpu serves requests")                                                 \
	X(DEAD_TASK_PREEMPTIBLE, "a dying task can be preempted after it is marked dead", "",      \
	  "P39", "assertion failed: prev_state != TASK_DEAD")                                      \
	X(DEAD_UNLOCKED, "a task marks itself dead while a waker has it in hand", "", "P39",       \
	  "was switched in")                                                                       \
	X(DEMAND_UNLOCKED, "two vcpus that want a page both find that it is not there", "", "P54", \
	  "assertion failed: arch_mm_find(mm, va, false) == NULL")                                 \
	X(DEQUEUE_ON_PREEMPT, "a preempted task that had set its state is dequeued", "", "P21",    \
	  "FAIL a preempted sleeper stays queued")                                                 \
	X(DETACHED_TOO_EARLY, "a task that moves looks dequeued before it is", "b55945c500c5",     \
	  "P36", "assertion failed: atomic_load(&task->on_rq) != TASK_ON_RQ_QUEUED")               \
	X(DEVICE_COUNT_TORN, "a register that vcpus share is changed in two steps", "", "P54",     \
	  "writes were lost")                                                                      \
	X(DEVICE_TIMER_LEFT, "a vcpu is destroyed while its timer's function runs", "", "P54",     \
	  "of a vcpu that is gone")                                                                \
	X(DISABLE_FIRST, "a switch of the model disables before it enables", "", "P17",            \
	  "!asked || urgent_ran")                                                                  \
	X(EARLY_EMULATES, "a trap is emulated before the early fault that came with it is told",   \
	  "", "P54", "its side effect came before the error")                                      \
	X(EARLY_KEPT, "the early handler does not clear what it has consumed", "", "P53",          \
	  "early.cause) == EARLY_NONE")                                                            \
	X(ENABLE_IGNORES_REQUEST, "the outermost preempt_enable() does not look for a request",    \
	  "", "P5", "FAIL the outermost preempt_enable or no switch at this point")                \
	X(ENABLE_IRQS_OFF, "preempt_enable() switches with interrupts off", "", "P8",              \
	  "FAIL preempt_enable with irqs off or a switch at this point")                           \
	X(ENABLE_IRQ_FORGETS,                                                                      \
	  "enable_irq() does not deliver what came while the line was disabled", "", "P47",        \
	  "atomic_load(&taken) == wanted")                                                         \
	X(EVENT_DROPPED, "an entry that is given up forgets the event that was prepared", "",      \
	  "P56", "of the guest was lost")                                                          \
	X(EVENT_NOT_CANCELLED, "an entry that is given up keeps its event prepared", "", "P56",    \
	  "injected")                                                                              \
	X(EVENT_OVERWRITTEN,                                                                       \
	  "a second pass through an entry's preparation prepares another event", "acrn PR #3377",  \
	  "P56", "lost")                                                                           \
	X(EXCEPTION_RETURNS_BLIND, "an exception's return does not look for a request", "", "P20", \
	  "!urgent_overslept() or FAIL an exception's return switches, under full")                \
	X(EXITING_IGNORED,                                                                         \
	  "the last look before the entry does not know that the vcpu is to exit", "", "P55",      \
	  "stays in its guest")                                                                    \
	X(EXIT_HANDLED_PINNED,                                                                     \
	  "the second half of an exit's handling, which may sleep, comes before preempt_enable",   \
	  "tgoskits issue #2109", "P52", "preempt_count() == 0")                                   \
	X(EXIT_PREEMPTIBLE, "a vcpu can be switched between its exit and preempt_enable", "",      \
	  "P52", "early_calls == stats->entries or checked.outs == vcpu->stats.outs")              \
	X(EXIT_READ_LATE, "what an exit says is read from its cpu's record behind preempt_enable", \
	  "xvisor PR #202", "P52", "trap.kind != VCPU_TRAP_HYPERCALL")                             \
	X(FAST_PATH_BLIND,                                                                         \
	  "a guest that is entered anew by the fast path is entered without a look", "", "P55",    \
	  "stays in its guest")                                                                    \
	X(FIRST_RUN_LEAK, "a new task begins with preemption off", "609ca066386b", "P11",          \
	  "assertion failed: preempt_count() == 0")                                                \
	X(FLUSH_MISSES_RUNNING, "flush_work() looks at queued work alone", "", "P32",              \
	  "ended == 1")                                                                            \
	X(FORCED_HANDLER_BH_ON, "a handler that was made a thread runs with bottom halves on", "", \
	  "P47", "softirq_count() == SOFTIRQ_DISABLE_OFFSET")                                      \
	X(FORGET_FOLD, "the reschedule interrupt does not fold the request", "8cb75e0c4ec9",       \
	  "P26", "FAIL a remote request preempts at once, under full or done_count == wanted")     \
	X(FUTEX_COUNT_LATE, "a futex waiter counts itself after it has read the word", "", "P32",  \
	  "done_count == wanted")                                                                  \
	X(FUTEX_COUNT_UNORDERED, "a futex waiter reads the word before its count can be seen", "", \
	  "P32", "done_count == wanted")                                                           \
	X(FUTEX_MOVE_UNCOUNTED, "a futex waiter that is moved stays counted where it was", "",     \
	  "P32", "done_count == wanted")                                                           \
	X(FUTEX_MOVE_UNSEEN, "a futex waiter that leaves was moved before it had the lock", "",    \
	  "P32", "assertion failed: waiters != 0")                                                 \
	X(FUTEX_TARGET_UNCOUNTED,                                                                  \
	  "a futex requeue counts its target only with the waiters that it moves", "69cd9eba3886", \
	  "P32", "done_count == wanted")                                                           \
	X(FUTEX_TASK_UNHELD, "a futex waker has no reference to a waiter that may end", "", "P39", \
	  "assertion failed: references != 0")                                                     \
	X(FUTEX_WAKE_UNORDERED, "a futex waker looks for waiters before its word can be seen", "", \
	  "P32", "done_count == wanted")                                                           \
	X(GUEST_FLUSH_MISSING, "a guest is entered with a wakeup that RCU has put off",            \
	  "4ae7dc97f726", "P24", "host_all_halted()")                                              \
	X(GUEST_LAZY_IGNORED, "the entry to a guest does not look for lazy requests", "", "P13",   \
	  "no switch at this point or TIF_NEED_RESCHED_LAZY")                                      \
	X(GUEST_TIME_LONG, "guest time ends behind the enabling of interrupts", "", "P60",         \
	  "is the guest's time")                                                                   \
	X(GUEST_TIME_SHORT, "guest time ends before the interrupt that ended the guest", "",       \
	  "P60", "timed_vcpu")                                                                     \
	X(HALT_TESTS_FIRST, "a vcpu that blocks looks for work before it has set its state", "",   \
	  "P32", "sleeps with an interrupt pending")                                               \
	X(IDLE_FLUSH_MISSING, "a cpu that idles and polls does not look for calls", "", "P33",     \
	  "called == atomic_load(&asked)")                                                         \
	X(IDLE_FLUSH_UNSERVED, "softirqs that are raised by a call in idle are not served", "",    \
	  "P43", "seen == raised")                                                                 \
	X(IDLE_FLUSH_WAKES, "a softirq that is raised by a call in idle wakes ksoftirqd",          \
	  "e932c4ab38f0", "J26", "is_asleep()")                                                    \
	X(IDLE_NO_FOLD, "idle leaves its loop with the request unfolded", "8cb75e0c4ec9", "P26",   \
	  "assertion failed: test_preempt_need_resched()")                                         \
	X(IDLE_NO_RETEST, "idle halts without a last look at the request", "edc8fc01f608", "P33",  \
	  "overslept or done_count == wanted")                                                     \
	X(IDLE_SHADOW_LOST, "idle enables interrupts before its halt", "9f98a4f4e721", "P33",      \
	  "overslept or done_count == wanted")                                                     \
	X(IDLE_TIMER_LOST, "an interrupt of idle leaves the next timer to idle, which sleeps",     \
	  "edc8fc01f608", "P33", "done_count == wanted")                                           \
	X(INJECT_COUNT_TORN, "two cpus count their exits as one", "", "P53",                       \
	  "an order did not come once")                                                            \
	X(INTERRUPT_NESTS_TOO_DEEP,                                                                \
	  "a guest whose handlers nest as deep as they may is given one more interrupt", "",       \
	  "P56", "can_nest(vcpu)")                                                                 \
	X(IRQSAVE_LEAVES_IRQS_ON, "spin_lock_irqsave() saves the interrupt flag and leaves it on", \
	  "", "P9", "irqs inside")                                                                 \
	X(IRQ_LOST_IN_PROGRESS,                                                                    \
	  "an interrupt that comes while its handler runs elsewhere is dropped", "", "P47",        \
	  "atomic_load(&taken) == wanted")                                                         \
	X(IRQ_READER_QUEUES, "a reader in an interrupt queues behind a writer that waits", "",     \
	  "liveness",                                                                              \
	  "host_all_halted() or is taken in an interrupt here, and with interrupts on elsewhere")  \
	X(IRQ_RETURN_IN_ATOMIC, "an interrupt's return preempts whatever the count", "", "P19",    \
	  "assertion failed: preempt_count() == 0")                                                \
	X(IRQ_RETURN_IN_EQS, "an interrupt's return preempts what RCU does not watch", "", "P19",  \
	  "a switch at this point")                                                                \
	X(IRQ_RETURN_IN_IDLE, "an interrupt's return preempts the idle task", "", "P19",           \
	  "a switch at this point")                                                                \
	X(IRQ_RETURN_IN_VOLUNTARY, "an interrupt's return is a point under voluntary", "", "P13",  \
	  "preempt_policy_allows(policy, reason)")                                                 \
	X(IRQ_RETURN_IRQS_OFF, "an exception's return preempts code that had interrupts off", "",  \
	  "P19", "a switch at this point")                                                         \
	X(IRQ_RETURN_UNASKED, "an interrupt's return preempts without a request", "", "P19",       \
	  "a switch at this point")                                                                \
	X(IRQ_RETURN_VETO_UNHEARD, "an interrupt's return does not ask the architecture", "",      \
	  "P19", "a switch at this point")                                                         \
	X(IRQ_STACK_REENTERED, "an interrupt within one begins at the top of the stack again", "", \
	  "P46", "assertion failed: !irq_stack_in_use()")                                          \
	X(IRQ_TRACE_UNWATCHED, "an interrupt of idle is traced before RCU watches",                \
	  "ef9989afda73", "J39", "assertion failed: rcu_watches")                                  \
	X(IRQ_WORK_BUSY_FORCED, "an irq_work's end forgets that it was queued meanwhile", "",      \
	  "P45", "assertion failed: flags & IRQ_WORK_PENDING")                                     \
	X(IRQ_WORK_CLEARED_LATE, "an irq_work is pending until its function has run", "", "P45",   \
	  "served == atomic_load(&wanted)")                                                        \
	X(IRQ_WORK_SYNC_EARLY, "irq_work_sync() does not wait for the function", "", "P45",        \
	  "!is_gone")                                                                              \
	X(IRQ_WORK_UNORDERED, "an irq_work's function runs before all can see it pending no more", \
	  "", "P45", "served == atomic_load(&wanted)")                                             \
	X(IRQ_WORK_UNSENT, "an irq_work is queued, and no interrupt sent", "", "P45",              \
	  "served == atomic_load(&wanted) or urgent_runs == 1")                                    \
	X(KEEP_REQUEST_ON_STAY, "only a switch clears the request", "asterinas PR #2234", "P23",   \
	  "assertion failed: !need_resched()")                                                     \
	X(KICK_CPU_FIRST, "a kick reads where the vcpu is before its request and the mode",        \
	  "85b640450ddc", "P55", "stays in its guest")                                             \
	X(KICK_SENT_TO_SELF, "a kick sends an interrupt to the cpu that it is made on", "", "P55", \
	  "host_sent_count(0, IRQ_RESCHEDULE) == 0")                                               \
	X(KICK_WITHOUT_MODE, "each kick sends an interrupt, whatever the vcpu does",               \
	  "tgoskits PR #2247", "P55", "IPI")                                                       \
	X(KILLABLE_BY_ALL, "any signal ends a killable sleep", "", "P32",                          \
	  "fatal_signal_pending(current)")                                                         \
	X(KILL_NOT_FATAL, "SIGKILL wakes interruptible sleepers alone", "", "P32",                 \
	  "done_count == wanted")                                                                  \
	X(KSOFTIRQD_NO_POINT, "ksoftirqd goes on when a handler has asked for a reschedule", "",   \
	  "P44", "urgent_runs == 1 or does not come to an end")                                    \
	X(KSOFTIRQD_TESTS_FIRST,                                                                   \
	  "ksoftirqd looks for softirqs before it sets the state of its sleep", "", "P43",         \
	  "seen == raised")                                                                        \
	X(KTHREAD_RUNS_STOPPED, "a thread that is stopped before its first step runs", "", "P32",  \
	  "!has_run")                                                                              \
	X(KTHREAD_STOP_WAKES_FIRST, "kthread_stop() wakes the thread before it says why", "",      \
	  "P32", "done_count == wanted")                                                           \
	X(LATCH_STUCK, "a latch does not send its readers to the other copy", "", "exclusion",     \
	  "torn")                                                                                  \
	X(LATE_EARLY_EXIT, "early handling of an exit comes behind preempt_enable()",              \
	  "3368bd809764", "P52", "charged to vcpu or was left on cpu")                             \
	X(LAZY_AT_ENABLE, "preempt_enable() takes a lazy request for a full one", "", "P14",       \
	  "a lazy request preempted")                                                              \
	X(LAZY_FOLDS, "a lazy request on the own cpu is folded into the counter", "", "P14",       \
	  "a lazy request preempted")                                                              \
	X(LAZY_FOR_IDLE, "a lazy request to an idle cpu stays lazy", "", "P27",                    \
	  "host_watched_count() == 1")                                                             \
	X(LAZY_IRQ_RETURN_OFF, "an interrupt's return is no point under lazy", "", "P13",          \
	  "no switch at this point")                                                               \
	X(LAZY_KEPT, "the scheduler clears the full request alone", "", "P23", "& BOTH_FLAGS")     \
	X(LAZY_LEFT_BEHIND, "the tick looks for a lazy request under lazy alone", "", "P17",       \
	  "has not promoted it")                                                                   \
	X(LAZY_NEVER_PROMOTED, "the tick does not look for a lazy request", "", "P15",             \
	  "has not promoted it")                                                                   \
	X(LAZY_PROMOTED_AT_ONCE, "the tick promotes the request that it has just made", "", "P15", \
	  "promoted the request that it made")                                                     \
	X(LAZY_SENDS, "a lazy request to another cpu sends an interrupt", "", "P25",               \
	  "RESCHEDULES == 0")                                                                      \
	X(LAZY_STOPS_FULL, "a full request behind a lazy one is taken for a second", "", "P16",    \
	  "urgent_ran()")                                                                          \
	X(LEAK_DISABLE, "a sleep leaves preemption off", "", "P3",                                 \
	  "sleeping function called from invalid context or scheduling while atomic")              \
	X(LEAK_IN_EXCEPTION, "an exception's handler leaves preemption off", "", "P3",             \
	  "exception: preempt_count")                                                              \
	X(LEAK_IN_IRQ, "an interrupt handler leaves preemption off", "", "P3",                     \
	  "interrupt of kind")                                                                     \
	X(LEAK_IN_SOFTIRQ, "a softirq ends with a disable too many", "", "P3",                     \
	  "at its end, 00000101 at its start")                                                     \
	X(LEAK_IN_SYSCALL, "a system call returns with preemption off", "", "P3",                  \
	  "system call getpid returns with preempt_count 00000001")                                \
	X(LEAK_IN_TIMER, "a timer's function leaves preemption off", "", "P3", "timer function")   \
	X(LEAVER_PREEMPTED, "a vcpu that does not want to run is told to be preempted",            \
	  "a6816314af57", "P57", "preempted")                                                      \
	X(LISTED_EARLY, "a task can be found before its scheduling is set up", "b1e8206582f9",     \
	  "P36", "assertion failed: task->class != NULL")                                          \
	X(LOCAL_REQUEST_UNFLAGGED, "a request on the own cpu sets the folded bit alone",           \
	  "1c5ea557a07c", "P29", "overslept")                                                      \
	X(LOCKDEP_IRQ_USE_UNSEEN, "lockdep does not record that an interrupt takes a lock", "",    \
	  "the order of locks", "a deadlock by an interrupt went unseen")                          \
	X(LOCKDEP_NESTING_UNSEEN, "lockdep lets a sleeping lock nest in a raw one",                \
	  "9a5418bc48ba", "the order of locks", "a wrong nesting went unseen")                     \
	X(LOCKDEP_READERS_BLOCK, "lockdep takes recursive readers for readers that wait", "",      \
	  "the order of locks",                                                                    \
	  "possible deadlock: A is taken under B here, and B under A elsewhere")                   \
	X(LOCKDEP_SHALLOW, "lockdep looks for cycles of two locks only", "", "the order of locks", \
	  "a cycle of three locks went unseen")                                                    \
	X(LOCKDEP_SWITCH_KEEPS, "the run queue's lock stays with the task that was left", "",      \
	  "the order of locks",                                                                    \
	  "rq->lock is taken under itself or rq->lock is taken under another of its class")        \
	X(MIGHT_SLEEP_IN_NONE, "might_sleep() is a preemption point under none", "", "P13",        \
	  "assertion failed: preempt_policy_allows(policy, reason)")                               \
	X(MM_LOADED_UNCOUNTED, "a cpu holds no reference to the address space that it has loaded", \
	  "", "user", "has an address space loaded that is freed")                                 \
	X(MODEL_ZERO_UNSHOWN, "the model of value 0 is not shown as the active one",               \
	  "3ebb1b652239", "P13", "FAIL the active model is shown")                                 \
	X(MODE_UNORDERED,                                                                          \
	  "there is no barrier between the vcpu's mode and the look at its requests", "", "P55",   \
	  "stays in its guest")                                                                    \
	X(MUTEX_FLAG_LATE, "a waiter says that it waits after its last look at the mutex", "",     \
	  "P32", "done_count == wanted")                                                           \
	X(MUTEX_NO_HANDOFF, "a mutex is given back although its first waiter asked for it", "",    \
	  "P32", "asked && stole")                                                                 \
	X(MUTEX_PICKUP_BY_ANY, "a mutex that is handed over is taken by whoever comes", "", "P32", \
	  "asked && stole")                                                                        \
	X(MUTEX_SIGNAL_FIRST, "a woken waiter looks at the signal before the mutex", "", "P32",    \
	  "done_count == wanted")                                                                  \
	X(MUTEX_SPINNERS_FORGOTTEN, "a spinner that leaves tells nobody", "", "P32",               \
	  "host_all_halted()")                                                                     \
	X(MUTEX_SPINNER_BELIEVES,                                                                  \
	  "a spinner that gave up takes a mutex that was free before for its own", "", "P5",       \
	  "mutex_is_locked(&mutex)")                                                               \
	X(MUTEX_SPIN_ON_SLEEPER, "a spinner goes on when the owner is switched out", "", "P32",    \
	  "host_all_halted()")                                                                     \
	X(MUTEX_SPIN_UNASKED, "a spinner does not look for a request", "", "P5",                   \
	  "host_all_halted()")                                                                     \
	X(MUTEX_STATE_LATE, "a waiter looks at the mutex before it sets its state", "", "P32",     \
	  "done_count == wanted")                                                                  \
	X(MUTEX_UNLOCK_BLIND, "unlock stores without a look for waiters that have come", "",       \
	  "P32", "done_count == wanted")                                                           \
	X(NMI_GS_READ_AGAIN, "an NMI that begins anew takes its own GS for the one it found", "",  \
	  "P45", "FAIL registers of ring 3 are right under NMIs")                                  \
	X(NMI_LATCH_RESET, "an NMI forgets at its end that another came within it", "", "P45",     \
	  "seen == atomic_load(&sent)")                                                            \
	X(NMI_RESCHEDULES, "the return from an NMI is a preemption point", "", "P45",              \
	  "urgent_runs == 0")                                                                      \
	X(NOTIFIED_AFTER_REAPING, "sched_in is called after a dead task is freed", "", "P49",      \
	  "prev is freed")                                                                         \
	X(NOTIFIED_AT_STAY, "sched_out is called where the pick is the task that runs", "", "P48", \
	  "assertion failed: prev != next")                                                        \
	X(NOTIFIED_BEHIND_NEXT, "sched_out is called when the next task is on the cpu already",    \
	  "", "P49", "!atomic_load(&next->on_cpu)")                                                \
	X(NOTIFIED_IN_REVERSE, "sched_in is called for the oldest notifier first", "", "P49",      \
	  "the youngest first")                                                                    \
	X(NOTIFIED_NOT_AT_MOVE, "sched_in is forgotten where the task before has moved away", "",  \
	  "P48", "probe->outs == probe->ins")                                                      \
	X(NOTIFIED_UNDER_LOCK, "sched_in is called before the run queue's lock is dropped", "",    \
	  "P49", "assertion failed: !arch_irqs_disabled()")                                        \
	X(NOTIFIER_CHANGE_UNSEEN, "a call of the list may change it", "", "P59", "was skipped")    \
	X(NOTIFIER_EXIT_UNCHECKED, "a task may end with a notifier", "", "P59", "!has_ended")      \
	X(NOTIFIER_INHERITED, "a child begins with its parent's notifiers", "", "P59",             \
	  "assertion failed: n->task == task")                                                     \
	X(NOTIFIER_KEY_UNTESTED, "a notifier may be registered without the key", "", "P59",        \
	  "was registered without the key")                                                        \
	X(NOTIFIER_TAKES_KEY, "the registration switches the calls on, and may sleep for it",      \
	  "1cde2930e154", "P59", "sleeping function called from invalid context")                  \
	X(NO_ON_CPU_WAIT, "a waker does not wait for a switch that is under way", "91dabf33ae5d",  \
	  "P36", "assertion failed: !atomic_load(&next->on_cpu)")                                  \
	X(NO_RESCHED_IPI, "a remote request sends no interrupt", "", "P27",                        \
	  "done_count == wanted")                                                                  \
	X(NO_SCHEDULE_LOOP, "schedule() does not look for requests that came meanwhile", "",       \
	  "P22", "!asked_late || !need_resched()")                                                 \
	X(NO_SPARE_WORKER, "a worker begins without an idle one behind it", "", "P32",             \
	  "done_count == wanted")                                                                  \
	X(NO_WAKEUP_PREEMPT, "a more important task that wakes requests nothing", "", "P30",       \
	  "FAIL the outermost preempt_enable switches, under full")                                \
	X(ONESHOT_ENDS_EARLY, "a thread unmasks its line while its handler runs elsewhere", "",    \
	  "P47", "!is_due")                                                                        \
	X(ON_CPU_CLEARED_EARLY, "a task is given free before its cpu has left it", "", "P36",      \
	  "assertion failed: atomic_load(&prev->on_cpu)")                                          \
	X(OVERFLOW_UNSEEN, "the checked counter does not look for overflow", "", "P10",            \
	  "an overflow went unseen")                                                               \
	X(PACKED_WRONG_HALF, "a counter of two halves is read from the wrong one", "7faa313f05ca", \
	  "P10", "expected: preempt_count() == count")                                             \
	X(PARKED_UNLOCKED, "a thread parks while a waker has it in hand", "741a76b35089", "P32",   \
	  "is_parked(thread)")                                                                     \
	X(PARK_STILL_ON_CPU, "kthread_park() returns while the thread is on its cpu", "", "P36",   \
	  "is_parked(thread)")                                                                     \
	X(PENDING_ENDS_LATE, "a work is pending until its function has ended", "", "P32",          \
	  "seen == 1")                                                                             \
	X(PENDING_UNORDERED, "a work's function begins before others see that it is not pending",  \
	  "", "P32", "seen == 1")                                                                  \
	X(PLAIN_COUNT_SET, "preempt_count_set() stores over the folded bit", "", "P4",             \
	  "FAIL preempt_count_set keeps the folded bit or request_is_folded()")                    \
	X(POLLING_LEFT_SET, "idle switches away while it says that it polls", "tgoskits PR #2403", \
	  "P34", "assertion failed: !(flags & TIF_POLLING_NRFLAG)")                                \
	X(POLLING_NO_BARRIER, "idle says that it polls no more without a barrier", "", "P35",      \
	  "done_count == wanted")                                                                  \
	X(POLLING_PREEMPTIBLE, "idle enables preemption while it says that it polls",              \
	  "tgoskits PR #2403", "P34", "!(flags & TIF_POLLING_NRFLAG)")                             \
	X(PREEMPTED_KEPT, "a vcpu that is back on a cpu is still told to be preempted", "", "P57", \
	  "preempted")                                                                             \
	X(PREEMPTED_SEEN_EARLY,                                                                    \
	  "the guest sees its vcpu preempted in the midst of an instruction", "6cd88243c7e0",      \
	  "P57", "seen preempted")                                                                 \
	X(PUT_KEEPS_NOTIFIER, "a vcpu that is put stays registered", "", "P59",                    \
	  "notifier.task == NULL")                                                                 \
	X(RCU_BLOCKED_IGNORED, "a grace period does not wait for readers that were preempted", "", \
	  "RCU", "a reader sees freed memory")                                                     \
	X(RCU_CALLED_EARLY, "callbacks are called without a grace period", "", "RCU",              \
	  "a reader sees freed memory")                                                            \
	X(RCU_COUNT_IGNORED, "code with preemption off is taken for no reader", "", "RCU",         \
	  "a reader sees freed memory")                                                            \
	X(RCU_CPUS_IGNORED, "a grace period does not wait for cpus", "", "RCU",                    \
	  "a reader sees freed memory")                                                            \
	X(RCU_GP_UNORDERED, "a grace period looks before all can see what was unlinked", "",       \
	  "RCU", "a reader sees freed memory")                                                     \
	X(RCU_LEAVES_EARLY, "an unlock with preemption off ends the reader", "", "J11",            \
	  "a reader sees freed memory")                                                            \
	X(RCU_NEWCOMERS_COUNT, "a grace period waits for preempted readers that came later", "",   \
	  "RCU", "host_all_halted()")                                                              \
	X(RCU_ONE_SWITCH, "a grace period believes in a switch that it may have seen late", "",    \
	  "RCU", "a reader sees freed memory")                                                     \
	X(RCU_STRAGGLER_MISSED, "a reader is counted where no grace period looks", "", "RCU",      \
	  "a reader sees freed memory")                                                            \
	X(RCU_UNLOCK_WAKES, "an unlock with the scheduler's locks held wakes", "J11 series",       \
	  "J11",                                                                                   \
	  "host_all_halted() or possible deadlock: task->pi_lock is taken under rq->lock here")    \
	X(RCU_WAKEUP_TOO_LATE, "idle does a deferred wakeup after its last look",                  \
	  "47b8ff194c1f, 4ae7dc97f726", "J30", "done_count == wanted")                             \
	X(READERS_PASS_WRITER, "tasks read while a writer waits", "", "fairness",                  \
	  "passed the writer")                                                                     \
	X(READER_UNORDERED, "a reader that waited for a writer takes the lock without acquire",    \
	  "", "order", "data race")                                                                \
	X(RENICE_LAZILY, "a change of a nice level asks as the tick does", "", "P30",              \
	  "asks for lazy, not full")                                                               \
	X(REQUEST_FOR_EQUAL, "a FIFO task that wakes requests for its equals too", "", "P31",      \
	  "FAIL nothing is requested where nothing would change")                                  \
	X(REQUEST_TWICE, "a second request sends a second interrupt", "", "P25",                   \
	  "host_sent_count(0, IRQ_RESCHEDULE)")                                                    \
	X(REQUEST_UNORDERED,                                                                       \
	  "there is no barrier between a request and the look at the vcpu's mode", "", "P55",      \
	  "stays in its guest")                                                                    \
	X(REQUEST_WHEN_ALONE, "a slice that ends requests though nobody else is there", "", "P31", \
	  "asks for lazy, not -")                                                                  \
	X(RESCHED_CPU_TRYLOCK, "resched_cpu() gives up where another cpu has the lock",            \
	  "7c2102e56a3f", "P28", "resched_cpu")                                                    \
	X(RESCHED_LOCK_DEPTH, "cond_resched_lock() compares with a depth of 0", "fe32d3cd5e8e",    \
	  "P13", "cond_resched_lock")                                                              \
	X(RESET_LOADED, "a loaded vcpu is reset in memory alone", "e761a927bc9a", "P51",           \
	  "host_this->guest_word == vcpu->arch.expected")                                          \
	X(RESUME_FLAG_LATE, "the flag of a user task's works is cleared behind them", "", "P24",   \
	  "done_count == wanted")                                                                  \
	X(RUNNING_BEFORE_QUEUED, "a woken task is running before it is queued", "", "P38",         \
	  "atomic_load(&runner->on_rq) == TASK_ON_RQ_QUEUED")                                      \
	X(RUNNING_SET_LATE, "sched_in loads a vcpu before it says that it runs", "", "P50",        \
	  "running_vcpu")                                                                          \
	X(RWSEM_DOWNGRADES_SILENTLY, "a writer that becomes a reader lets no reader in", "",       \
	  "P32", "host_all_halted()")                                                              \
	X(RWSEM_GRANTS_ONE, "a lock that is given back is granted to one reader", "", "P32",       \
	  "expected: shared")                                                                      \
	X(RWSEM_LEAVES_SILENTLY, "a writer that leaves the queue forgets those behind it", "",     \
	  "P32", "host_all_halted()")                                                              \
	X(RWSEM_NO_LAST_LOOK, "a waiter does not look whether the lock has become free", "",       \
	  "P32", "done_count == wanted")                                                           \
	X(RWSEM_READERS_PASS, "new readers pass a writer that waits", "", "P32",                   \
	  "atomic_load(&written)")                                                                 \
	X(RWSEM_SIGNAL_FIRST, "an interrupted waiter leaves with the lock granted", "", "P32",     \
	  "atomic_load(&rwsem.count) == 0")                                                        \
	X(RWSEM_STATE_LATE,                                                                        \
	  "a waiter sets its state after it has given the lock of the queue back", "", "P32",      \
	  "done_count == wanted")                                                                  \
	X(SEMAPHORE_COUNTS_GIVEN, "a count that is given to a waiter is counted too", "", "P32",   \
	  "semaphore.count == count")                                                              \
	X(SEMAPHORE_SIGNAL_FIRST, "a waiter looks at the signal before what it was given", "",     \
	  "P32", "semaphore.count == count")                                                       \
	X(SEMAPHORE_STATE_LATE, "a waiter sets its state after it has given the lock back", "",    \
	  "P32", "done_count == wanted")                                                           \
	X(SEQ_BEGIN_UNORDERED, "a reader of a sequence begins without acquire", "", "order",       \
	  "data race")                                                                             \
	X(SEQ_COUNTED_ONCE, "the writer of a sequence counts at its end alone", "", "exclusion",   \
	  "torn")                                                                                  \
	X(SEQ_END_UNORDERED, "the writer of a sequence ends without release", "", "order",         \
	  "data race")                                                                             \
	X(SEQ_ODD_ACCEPTED, "a reader of a sequence begins while it is written", "", "exclusion",  \
	  "torn")                                                                                  \
	X(SEQ_RETRY_UNORDERED, "a reader looks at the sequence again before it has read", "",      \
	  "order", "data race")                                                                    \
	X(SEQ_WRITE_UNORDERED, "what a writer writes overtakes its first count", "", "order",      \
	  "data race")                                                                             \
	X(SHARED_IRQ_DISAGREES, "a handler is added to a line that does not agree to share", "",   \
	  "P47", "-EBUSY")                                                                         \
	X(SHARED_IRQ_FIRST_ONLY,                                                                   \
	  "the first handler that takes a shared interrupt ends the search", "", "P47",            \
	  "second_runs == 1")                                                                      \
	X(SIGNAL_RECALC_UNLOCKED,                                                                  \
	  "a task says that no signal is pending after it has dropped the lock", "", "P32",        \
	  "done_count == wanted")                                                                  \
	X(SIGNAL_UNKICKED, "a signal does not interrupt a task that runs in user mode", "", "P24", \
	  "atomic_load(&user->state) == TASK_DEAD")                                                \
	X(SLEEPER_PREEMPTED, "a vcpu whose task sleeps is told to be preempted", "cd9626e9ebc7",   \
	  "P57", "preempted")                                                                      \
	X(SLICE_END_FULL, "the end of a fair slice asks for a switch at once under lazy", "",      \
	  "P30", "asks for full, not lazy")                                                        \
	X(SMP_CALL_UNORDERED,                                                                      \
	  "a call looks at what is to be done before others can see that it is not queued", "",    \
	  "P32", "called == 2")                                                                    \
	X(SOFTIRQ_CLEARED_LAST, "what is pending is cleared after it is served", "", "P41",        \
	  "all_seen()")                                                                            \
	X(SOFTIRQ_CLEARED_LATE, "what is pending is cleared after interrupts come on", "", "P41",  \
	  "all_seen()")                                                                            \
	X(SOFTIRQ_DEFERS, "an interrupt leaves its softirqs to a ksoftirqd that is runnable",      \
	  "4cd13c21b207, d15121be7485", "J31", "served_rx")                                        \
	X(SOFTIRQ_ENDLESS, "softirqs that raise themselves are served without end", "", "P42",     \
	  "runs_at_once == bound->runs")                                                           \
	X(SOFTIRQ_HEEDS_LAZY, "a lazy request ends the serving of softirqs", "", "P42",            \
	  "runs_at_once == bound->runs")                                                           \
	X(SOFTIRQ_IGNORES_REQUEST, "softirqs are served on while a reschedule is wanted", "",      \
	  "P42", "runs_at_once == bound->runs")                                                    \
	X(SOFTIRQ_LOOKS_ONCE, "softirqs that are raised while others are served are left", "",     \
	  "P41", "all_seen()")                                                                     \
	X(SOFTIRQ_NESTS,                                                                           \
	  "an interrupt serves softirqs whatever else than a hardirq it interrupted", "", "P40",   \
	  "!bh_is_off or in_serving_softirq()")                                                    \
	X(SOFTIRQ_ON_TASK_STACK, "softirqs of a task run on its stack", "", "P46",                 \
	  "arch_on_stack")                                                                         \
	X(SOFTIRQ_RAISE_ALWAYS_WAKES, "a softirq wakes ksoftirqd wherever it is raised", "",       \
	  "P43", "is_asleep() != site->wakes")                                                     \
	X(SOFTIRQ_RAISE_IRQS_ON, "a softirq is raised with interrupts on", "", "P41",              \
	  "all_seen()")                                                                            \
	X(SOFTIRQ_RAISE_WAKES_NOBODY, "a softirq that a task raises wakes nobody", "", "P43",      \
	  "is_asleep() != site->wakes")                                                            \
	X(SOFTIRQ_REST_FORGOTTEN,                                                                  \
	  "what is left when softirqs are no longer served is not given to ksoftirqd", "", "P42",  \
	  "runs == RUNS")                                                                          \
	X(SOFTIRQ_TIMELESS, "softirqs are served for longer than 2 ms", "", "P42",                 \
	  "runs_at_once == bound->runs")                                                           \
	X(SOFTIRQ_UNTHREADED,                                                                      \
	  "an interrupt serves softirqs at its exit although handlers run in threads", "", "P43",  \
	  "in_ksoftirqd()")                                                                        \
	X(SPIN_IN_CIRCLES, "a vcpu that spins yields to others that spin", "", "P57",              \
	  "ran_first == NULL")                                                                     \
	X(SPIN_UNDIRECTED, "a vcpu that spins yields to whoever is next", "", "P57",               \
	  "ran_first ==")                                                                          \
	X(SPURIOUS_UNCOUNTED, "interrupts that nobody takes are not counted", "", "P47",           \
	  "second_runs == 0")                                                                      \
	X(SRCU_GP_UNORDERED, "an SRCU updater looks before all can see what was unlinked", "",     \
	  "RCU", "a reader sees freed memory")                                                     \
	X(SRCU_LOCKS_FIRST, "an SRCU updater counts who came before who went", "", "RCU",          \
	  "a reader sees freed memory")                                                            \
	X(SRCU_LOCK_UNORDERED, "an SRCU reader reads before it is counted", "", "RCU",             \
	  "a reader sees freed memory")                                                            \
	X(SRCU_NO_FIRST_WAIT, "an SRCU updater does not look for stragglers", "", "RCU",           \
	  "a reader sees freed memory")                                                            \
	X(SRCU_NO_TURN, "an SRCU updater waits at the index that newcomers use", "", "RCU",        \
	  "done_count == wanted")                                                                  \
	X(STACK_GROWS_ON, "a user stack grows into its guard", "", "P20",                          \
	  "users[cpu]->exit_status == status")                                                     \
	X(STACK_GROWS_UNSEEN, "a user stack gets a page where another task has put one", "",       \
	  "P20", "arch_mm_find(mm, va, false) == NULL")                                            \
	X(STALE_PREV_STATE, "a switch tells the state of a sleep that a signal ended",             \
	  "8feb053d5319", "P38", "FAIL a sleep that a signal ends")                                \
	X(STALE_WAKE_CPU, "a waker believes in the cpu that it saw before it had the lock",        \
	  "b6e13e85829f", "P37", "assertion failed: task_allowed_on(task, rq->cpu)")               \
	X(STATE_BEFORE_LOCK, "a sleeper decides by the state that it had before the lock",         \
	  "d136122f5845", "P32", "done_count == wanted")                                           \
	X(STATE_READ_TWICE, "a sleeper reads its own state again after it is dequeued",            \
	  "dbfb089d360b", "P32", "sched_nr_uninterruptible()")                                     \
	X(STEAL_UNRECORDED, "a load does not ask for the guest's view to be put right", "", "P57", \
	  "finds itself preempted")                                                                \
	X(STOP_PLAIN_STATE, "a task stops while a waker of its last sleep has it in hand", "",     \
	  "P32", "done_count == wanted")                                                           \
	X(STOP_UNLOCKED, "a task stops after it has dropped the lock under which it took SIGSTOP", \
	  "", "P32", "done_count == wanted")                                                       \
	X(SWITCH_LEAK, "a disable too many between the entry of the scheduler and the switch",     \
	  "609ca066386b", "P1", "assertion failed: count_is_switched()")                           \
	X(SWITCH_ON_IRQ_STACK, "an interrupt preempts before it has left its stack", "", "P46",    \
	  "assertion failed: !irq_stack_in_use()")                                                 \
	X(SYNCHRONIZE_IRQ_BLIND, "synchronize_irq() does not wait for handlers that run", "",      \
	  "P47", "!is_disabled or !is_gone")                                                       \
	X(SYNCHRONIZE_IRQ_NO_THREADS, "synchronize_irq() does not wait for threads", "", "P47",    \
	  "!is_disabled")                                                                          \
	X(TASKLET_CLEAR_UNORDERED,                                                                 \
	  "who ends a tasklet looks for waiters before its end can be seen", "", "P32",            \
	  "done_count == wanted")                                                                  \
	X(TASKLET_COUNT_FIRST,                                                                     \
	  "a tasklet is looked at for being disabled before it is marked as running", "", "P32",   \
	  "is_off")                                                                                \
	X(TASKLET_DISABLE_EARLY, "who disables a tasklet does not wait for its end", "", "P32",    \
	  "inside")                                                                                \
	X(TASKLET_KILL_EARLY, "who kills a tasklet does not wait for its end", "", "P32",          \
	  "inside")                                                                                \
	X(TASKLET_REENTERS, "a tasklet runs on two cpus", "", "P36", "inside")                     \
	X(TASKLET_SCHED_LATE, "a tasklet can be scheduled again only after it has run", "", "P41", \
	  "seen[0] ==")                                                                            \
	X(TASK_MEMORY_REUSED,                                                                      \
	  "the memory of a task is given to others while a spinner looks at it", "", "P39",        \
	  "assertion failed: on_cpu <= 1")                                                         \
	X(TEST_BEFORE_ENABLE, "preempt_enable() looks for a request before it counts down", "",    \
	  "P6", "overslept")                                                                       \
	X(TEST_BEFORE_STATE, "a sleeper tests its condition before it sets its state", "", "P32",  \
	  "overslept")                                                                             \
	X(TIMEOUT_NOT_CANCELLED, "a sleep whose timeout has passed leaves its timer on its stack", \
	  "", "P32", "assertion failed: !rb_is_linked(&sleep.timer.node)")                         \
	X(TIMER_CANCEL_EARLY, "timer_cancel() does not wait for the timer's function", "", "P32",  \
	  "!is_gone")                                                                              \
	X(TIMER_EQUALS_REVERSED, "of timers that expire at one moment the last one runs first",    \
	  "", "P32", "order[n] == n")                                                              \
	X(TIMER_MOVED_EARLY, "a timer is on its new cpu before that cpu's lock is taken", "",      \
	  "P36", "assertion failed: !rb_is_linked(&timer->node)")                                  \
	X(TIMER_RUNS_TWICE, "a timer whose function runs is started on another cpu", "", "P36",    \
	  "inside == 1")                                                                           \
	X(TIMER_SET_IRQS_ON, "the timer's hardware is set after interrupts are on again",          \
	  "Aug-2026 rseq slice extension report", "J12", "assertion failed: arch_irqs_disabled()") \
	X(TWO_STEP_COUNT, "the count's address is made before it is counted up", "", "P12",        \
	  "preempt_count")                                                                         \
	X(UNDERFLOW_UNSEEN, "the checked counter does not look for underflow", "", "P10",          \
	  "an underflow went unseen")                                                              \
	X(UNLOCK_BEFORE_IRQS, "spin_unlock_irqrestore() enables preemption before interrupts", "", \
	  "P9", "FAIL spin_unlock_irqrestore switches or no switch at this point")                 \
	X(UNPARK_WAKES_FIRST, "kthread_unpark() wakes the thread before it may go on", "", "P32",  \
	  "done_count == wanted")                                                                  \
	X(USER_FLUSH_LATE, "RCU's deferred wakeup comes behind the last look before user mode",    \
	  "47b8ff194c1f", "P24", "done_count == wanted")                                           \
	X(USER_IRQ_RETURN_AS_KERNEL, "a return to user code goes by the rules for the kernel", "", \
	  "P13", "preempt_policy_allows(preempt_policy(), reason)")                                \
	X(USER_LAZY_IGNORED, "the way to user mode does not look for lazy requests", "", "P13",    \
	  "urgent_ran() == (cell.request != 0)")                                                   \
	X(USER_RANGE_UNCHECKED, "a system call reads kernel memory for its caller", "", "user",    \
	  "== (uint64_t)-EFAULT")                                                                  \
	X(USER_STATE_UNSAVED, "a switch does not save the vector registers of a user task", "",    \
	  "user", "host_this->user_word")                                                          \
	X(USER_SWITCH_UNORDERED, "a user task that is switched in is seen late to run", "", "P24", \
	  "atomic_load(&user->state) == TASK_DEAD")                                                \
	X(USER_WORK_ONCE, "the way to user mode looks for work once", "", "P24",                   \
	  "urgent_runs == 1")                                                                      \
	X(USER_WORK_READ_EARLY, "the last look before user mode comes with interrupts on", "",     \
	  "P24", "urgent_runs == 1")                                                               \
	X(VCPU_FPU_UNSAVED, "a vcpu's put does not save its FPU", "", "P51",                       \
	  "FAIL registers of the FPU survive other vcpus")                                         \
	X(VCPU_GS_UNSAVED, "a vcpu's put does not save the base of GS", "", "P51",                 \
	  "FAIL bases that the guest has set survive a put")                                       \
	X(VCPU_MM_LEFT, "a vcpu's put leaves its address space loaded", "", "P51",                 \
	  "FAIL a put leaves nothing behind")                                                      \
	X(VCPU_STACK_STALE, "an entry trusts the stack that ring 3 had before", "", "P51",         \
	  "assertion failed: this_cpu_ptr(&tss)->rsp[0] ==")                                       \
	X(WAITER_ADDED_BEHIND, "a waiter that is not exclusive is added behind those that are",    \
	  "", "P32", "called_count == 3")                                                          \
	X(WAITER_LEAVES_LATE, "a signalled exclusive waiter is in the queue at its last test", "", \
	  "P32", "atomic_load(&second->on_rq)")                                                    \
	X(WAITER_OFF_BEFORE_WAKE, "a waker takes a waiter off the queue, then wakes it", "",       \
	  "P32", "assertion failed: entry->task != NULL")                                          \
	X(WAIT_LOOK_UNORDERED, "a waker looks for waiters before its condition can be seen", "",   \
	  "P32", "done_count == wanted")                                                           \
	X(WAIT_STATE_UNORDERED, "prepare_to_wait() has no barrier behind the state", "", "P32",    \
	  "done_count == wanted")                                                                  \
	X(WAKEUP_FULL, "a fair wakeup asks for a switch at once under lazy", "", "P30",            \
	  "asks for full, not lazy")                                                               \
	X(WAKE_COUNTS_AWAKE, "a wakeup of one counts an exclusive waiter that was awake", "",      \
	  "P32", "called_count == 4")                                                              \
	X(WAKE_LIST_ANYWHERE, "the wake list ignores where a task may run", "751d4cbc4387", "P37", \
	  "assertion failed: task_allowed_on(task, rq->cpu)")                                      \
	X(WAKE_LIST_LOSES, "the wake list is read and emptied in two steps", "zephyr PR #105596",  \
	  "P32", "done_count == wanted")                                                           \
	X(WAKE_Q_UNORDERED, "a waker that finds the task queued leaves without a barrier",         \
	  "4c4e3731564c", "P32", "done_count == wanted")                                           \
	X(WALK_UNORDERED,                                                                          \
	  "there is no barrier between the mode of who reads page tables and what he reads", "",   \
	  "P55", "!atomic_load(&page_is_free)")                                                    \
	X(WATCHDOG_BLIND, "the watchdogs look, and say nothing", "", "P27", "was_reported()")      \
	X(WATCHDOG_HASTY, "two NMIs within a tick are taken for a hard lockup", "", "P27",         \
	  "hard lockup")                                                                           \
	X(WATCHDOG_NOT_WOKEN, "the watchdog's thread is not woken", "", "P27", "!was_reported()")  \
	X(WATCHDOG_OLD_REQUEST, "a request is not known from the one before, which was met", "",   \
	  "P27", "!was_reported()")                                                                \
	X(WFI_RELOADED, "a switch makes a waiting vcpu's interrupts its entry's business again",   \
	  "b321c31c9b7b", "P58", "sleeps with an interrupt pending")                               \
	X(WINDOW_TOO_SHORT, "the window for interrupts closes within the shadow of its opening",   \
	  "", "P60",                                                                               \
	  "taken == raised or FAIL an interrupt that is raised again is taken in the window")      \
	X(WORKER_IDLES_LATE, "a worker is found idle before it has set its state", "", "P32",      \
	  "done_count == wanted")                                                                  \
	X(WORKER_SLEEPS_UNSEEN, "a worker's sleep is not told to its pool", "", "P32",             \
	  "done_count == wanted")                                                                  \
	X(WORKER_WAKES_UNSEEN, "a worker that goes on after a sleep is not counted", "", "P32",    \
	  "atomic_load(&pool_get(1, false)->nr_running) == 0")                                     \
	X(WORKS_LEFT_OPEN, "a user task that ends takes works that it does not do", "", "P24",     \
	  "done_count == wanted")                                                                  \
	X(WORK_FORGETS_POOL, "a work whose function runs is queued on another cpu", "", "P36",     \
	  "inside == 1")                                                                           \
	X(WORK_REENTERS, "a work whose function runs is begun by another worker", "", "P36",       \
	  "inside == 1")                                                                           \
	X(YIELD_IRQS_OFF, "yield() enters the scheduler with interrupts off", "345a957fcc95",      \
	  "P3", "assertion failed: !arch_irqs_disabled()")                                         \
	X(YIELD_TO_LAZILY, "yield_to() asks another cpu as a tick does", "", "P30",                \
	  "asks for lazy, not full")                                                               \
	X(YIELD_TO_UNPINNED, "the target of yield_to() is not kept in the queue that is locked",   \
	  "5d808c78d972", "P36", "&task->cpu) == rq->cpu")

enum bug {
#define BUG_ENUM(name, mistake, seen, property, caught) BUG_##name,
	BUGS(BUG_ENUM)
#undef BUG_ENUM
		BUG_COUNT
};

extern enum bug bug_active; /* BUG_COUNT: none. Read-only after boot */

#define bug(name) (CONFIG_BUGS && __builtin_expect(bug_active == BUG_##name, 0))

/*
 * Switches on the bug of this name, in small letters with hyphens; "list" prints them all and ends
 * the run. Returns false if there is none of it. Boot.
 */
bool bug_choose(const char *name, size_t size);
