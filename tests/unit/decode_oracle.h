// SPDX-License-Identifier: ISC
/*
 * The instructions that a machine carries out for its guest, read slowly: a table of opcodes and
 * one of what ModRM brings along, as the manuals have them. Shares nothing with the decoder but the
 * contract in vcpu_decode.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "guest/arch/x86_64/vcpu_decode.h"

/* As vcpu_decode(); of VCPU_INSN_OTHER and VCPU_INSN_TRUNCATED nothing but the kind is filled in.
 */
struct vcpu_insn decode_oracle(const uint8_t *bytes, size_t count);

/* NULL: the decoder agrees with it, and keeps its promises; else what is wrong, in one line. */
const char *decode_oracle_judge(const uint8_t *bytes, size_t count);
