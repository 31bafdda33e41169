# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What every test of this directory sources. A test is one bash script that
# runs in a guest (see scripts/guest), reports in TAP, and ends with `finish`,
# which takes everything down and looks for what was left behind. No plan is
# printed before that, so a test that leaks cannot pass.
#
#	. "$(dirname "$0")/lib.sh"
#	start_target --blk tvqn=disk0,mem=64M
#	vof_connect d0 tvqn=disk0
#	check "the disk has its size" [ "$(blockdev --getsz "$(vof_disk d0)")" = 131072 ]
#	finish
#
# A test says what it needs in comments near its top, for tools/testing/run:
#
#	# nodes: target initiator	several guests; the script runs in each,
#	#				on_node NAME tells which one it is in
#	# transports: rdma tcp tls	over these, rdma alone by default
#	# kernels: 6.12			not on all: 6.1, 6.12, debug, siw
#	# ci: 6.12 6.12-tcp debug	in CI on these kernels and transports only
#	# timeout: 300	# smp: 2	# mem: 1G	# icount: yes
#	# with: tshark			programs of the host that it needs
#	# debian: initiator		these nodes are whole Debians, see lib/debian.sh
#	# quick: yes			part of make check-quick
#
# With several guests, one reports: the last one that `nodes` names. The others
# show their results as comments and fail by exit status.

# shellcheck disable=SC2034 # what the files of lib use

set -u -o pipefail

VOF_CONFIGFS=/sys/kernel/config/virtio_of
VOF_TMP=${VOF_TMP:-/tmp/vof}
VOF_NAME=$(basename "$0" .sh)
mkdir -p "$VOF_TMP"

# The debug kernel takes about ten times as long, gets a quarter of the I/O, and four
# times the time.
case $(uname -r) in
*-debug) slower=4 ;;
*) slower=1 ;;
esac

# What a test has, each file by its noun. They call one another only when a test runs.
vof_lib=$(dirname "${BASH_SOURCE[0]}")/lib
# shellcheck source=/dev/null
for vof_part in tap log fabric keys target device load ledger leftovers; do
	. "$vof_lib/$vof_part.sh"
done
# shellcheck source=/dev/null
[ -z "${VOF_BOOT-}" ] || . "$vof_lib/debian.sh"

# ---- a test begins ----------------------------------------------------------

trap vof_on_exit EXIT
VOF_PULSE=
# It would take a whole Debian a fifth of its processor.
if [ -z "${VOF_BOOT-}" ]; then
	mkfifo "$VOF_TMP/pulse.wait" 2>/dev/null
	echo 0 >"$VOF_TMP/pulse"
	vof_pulse >/dev/null 2>&1 9>&- &
	VOF_PULSE=$!
	# It is no job that a test would wait for.
	disown $VOF_PULSE
fi
vof_mark starts
vof_census >"$VOF_TMP/census"
# A Debian sees to its network by itself, in its own time.
on_node target || [[ $VOF_PEERS != *" "* ]] || [ -n "${VOF_BOOT-}" ] || vof_reach_target
! over tls || start_agent || bail "no agent: $(tail -n 1 "$VOF_TMP/agent")"
