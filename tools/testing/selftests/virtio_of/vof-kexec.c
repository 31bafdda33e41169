// SPDX-License-Identifier: GPL-2.0
/*
 * What kexec(8) does, as far as a test and systemd's shutdown need it:
 *
 *	vof-kexec KERNEL INITRAMFS COMMAND-LINE		loads them
 *	vof-kexec -e					boots what is loaded, at once
 */
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int kernel, initramfs;

	if (argc == 2 && !strcmp(argv[1], "-e")) {
		syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			LINUX_REBOOT_CMD_KEXEC, NULL);
		perror("vof-kexec: reboot");
		return 1;
	}
	if (argc != 4) {
		fprintf(stderr, "usage: vof-kexec KERNEL INITRAMFS COMMAND-LINE\n");
		return 2;
	}
	kernel = open(argv[1], O_RDONLY | O_CLOEXEC);
	initramfs = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (kernel < 0 || initramfs < 0 ||
	    syscall(SYS_kexec_file_load, kernel, initramfs, strlen(argv[3]) + 1, argv[3], 0UL)) {
		perror("vof-kexec");
		return 1;
	}
	return 0;
}
