// SPDX-License-Identifier: ISC
/*
 * The scenario `vcpu`: runs payloads that the loader put beside the image, each in a machine of its
 * own, by as many vcpus as the boot argument vcpus= says.
 */
#pragma once

/* Runs all of them at once; main()'s status. */
int vcpu_main(void);
