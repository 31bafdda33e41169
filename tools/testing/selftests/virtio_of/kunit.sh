#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Ring, eager buffers and wire format tested in the kernel: the unit tests of the
# host, by KUnit. Debian's kernels have no KUnit.
# kernels: debug
# ci: debug
# timeout: 60
. "$(dirname "$0")/lib.sh"

check "the tests have run" modprobe virtio_of_test
# KTAP in the kernel's log: test points are indented, those of suites are not.
suites=0
failed=
while IFS= read -r line; do
	case $line in
	"    ok "*) ok "$suite: ${line#*ok * }" ;;
	"    not ok "*)
		not_ok "$suite: ${line#*ok * }"
		failed=yes
		;;
	"    # Subtest: "*) suite=${line#*: } ;;
	"ok "*) suites=$((suites + 1)) ;;
	"not ok "*)
		suites=$((suites + 1))
		not_ok "suite ${line#not ok * }"
		;;
	esac
done < <(vof_log | sed 's/^\[[^]]*\] //')
is "all suites have reported" "$suites" 4
[ -z "$failed" ] || vof_log | note
rmmod virtio_of_test
finish
