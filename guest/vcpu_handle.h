// SPDX-License-Identifier: ISC
/*
 * handle_exit() (its contract is in vcpu_exit.h), and what it calls the guest's exceptions.
 */
#pragma once

/* A vector of payload_abi.h, in words. */
const char *vcpu_vector_name(unsigned int vector);
