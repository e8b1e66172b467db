// SPDX-License-Identifier: ISC
/*
 * Data that is read without a lock: what RCU and SRCU guard, which is freed behind its readers, and
 * what a sequence or a latch tells to read again.
 */
#pragma once

#include <stdbool.h>

#include "guest/seqlock.h"

/* In boot(), in a task that may sleep. */
void reader_boot(void);

/* Returns what the reader may look at until the end. form: rcu_read_lock(), _sched, _bh. */
const void *reader_begin_rcu(unsigned int form);
void reader_end_rcu(unsigned int form, const void *object);
const void *reader_begin_srcu(int *index);
void reader_end_srcu(int index, const void *object);

/*
 * Replaces what is guarded, and frees the old behind its readers. form: synchronize_rcu(),
 * _expedited, rcu_barrier(), call_rcu(), which is the only one where nothing may sleep.
 */
void reader_update_rcu(unsigned int form, bool may_sleep);
void reader_update_srcu(void);

/* Its writer calls the one behind its begin and the other before its end. */
extern struct seqlock reader_seqlock;
void reader_seq_written_first(void);
void reader_seq_written_last(void);
void reader_read_seq(void);

void reader_write_latch(void);
void reader_read_latch(void);

/* At rest. */
void reader_check(void);
