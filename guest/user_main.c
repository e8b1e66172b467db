// SPDX-License-Identifier: ISC
#include "guest/user_main.h"

#include "guest/boot_info.h"
#include "guest/errno.h"
#include "guest/format.h"
#include "guest/main.h"
#include "guest/printk.h"
#include "guest/user.h"
#include "shared/scenario_abi.h"

#define NAME_SIZE 16 /* bytes, NUL included */

/* NULL: it cannot be run, and that was said. */
static struct task *
run_module(uint32_t n)
{
	char name[NAME_SIZE];
	struct user_program program;
	struct task *task;
	size_t size;
	const void *image = boot_module(n, &size);
	int error;

	format_string(name, sizeof(name), "module %u", n);
	error = user_load(name, image, size, &program);
	if (error == -ENOMEM) {
		printk("program %s: no memory for it\n", name);
	}
	if (error != 0) {
		return NULL;
	}
	task = user_run(&program, &(struct task_params){ .comm = name }, 0);
	user_unload(&program);
	if (task == NULL) {
		printk("program %s: no memory for its task\n", name);
	}
	return task;
}

int
user_main(void)
{
	struct task *tasks[BOOT_MODULES_MAX];
	uint32_t count = boot_module_count();
	bool failed = false;

	if (count == 0) {
		printk("scenario=user: no program was given; each is a module of the loader\n");
		return EXIT_STATUS_USAGE;
	}
	for (uint32_t n = 0; n < count; n++) {
		tasks[n] = run_module(n);
	}
	for (uint32_t n = 0; n < count; n++) {
		int status = tasks[n] != NULL ? task_join(tasks[n]) : EXIT_STATUS_BAD_IMAGE;

		printk("module %u: status %d\n", n, status);
		failed = failed || status != 0;
	}
	return failed ? EXIT_STATUS_FAILED : EXIT_STATUS_OK;
}
