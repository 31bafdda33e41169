#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The target against an initiator in userspace, vof-peer: conformance with the
# protocol, command by command, and what a hostile initiator tries. The kernel's
# initiator has no part in it.
# timeout: 200
# kernels: 6.1 6.12 debug
# ci: 6.12
. "$(dirname "$0")/lib.sh"

# peer ARGUMENTS...: its test points become ours.
peer()
{
	local line status
	vof-peer --addr "$VOF_ADDR" "$@" >"$VOF_TMP/peer" 2>"$VOF_TMP/peer.err"
	status=$?
	while read -r line; do
		case $line in
		"ok "*" - "*) ok "$MODE: ${line#*- }" ;;
		"not ok "*" - "*) not_ok "$MODE: ${line#*- }" ;;
		"#"*) echo "$line" ;;
		esac
	done <"$VOF_TMP/peer"
	is "$MODE: vof-peer ends well" $status 0 || note <"$VOF_TMP/peer.err"
}

MODE="all features"
truncate -s 32M "$VOF_TMP/image"
start_target --connect-timeout 3 --blk tvqn=disk,mem=32M \
	--blk tvqn=locked,mem=16M,allow=nobody/else --blk tvqn=ro,mem=16M,readonly \
	--blk tvqn=slow,mem=16M,delay=2000 --rng tvqn=rng
peer --tvqn disk --ivqn peer --denied locked --readonly ro --slow slow --rng rng --reap 3
stop_target
is "$MODE: the target ends well" $? 0

MODE="neither feature"
start_target --blk tvqn=disk,mem=32M,eager=0,num-descs=0
peer --tvqn disk
stop_target
is "$MODE: the target ends well" $? 0

MODE="file, eager buffer in pieces"
start_target --blk "tvqn=disk,file=$VOF_TMP/image,eager-bufs=5"
peer --tvqn disk
finish
