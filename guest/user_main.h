// SPDX-License-Identifier: ISC
/*
 * The scenario `user`: runs programs that the loader put beside the image.
 */
#pragma once

/* Runs all of them at once, each as a task of ring 3. main()'s status. */
int user_main(void);
