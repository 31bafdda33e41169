#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The target against an initiator in userspace, vof-peer: conformance with the
# protocol, command by command, and what a hostile initiator tries. The kernel's
# initiator has no part in it.
# timeout: 200
# transports: rdma tcp
# kernels: 6.1 6.12 debug
# ci: 6.12
. "$(dirname "$0")/lib.sh"

# peer URL ARGUMENTS...: its test points become ours.
peer()
{
	local line status
	vof-peer --addr "$@" >"$VOF_TMP/peer" 2>"$VOF_TMP/peer.err"
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

truncate -s 32M "$VOF_TMP/image"
all=(--connect-timeout 3 --blk tvqn=disk,mem=32M
	--blk tvqn=locked,mem=16M,allow=nobody/else --blk tvqn=ro,mem=16M,readonly
	--blk tvqn=slow,mem=16M,delay=2000 --rng tvqn=rng)
with_all=(--tvqn disk --ivqn peer --denied locked --readonly ro --slow slow --rng rng --reap 3)
url=$(vof_url "$VOF_ADDR")

if over tcp; then
	MODE="TCP, and keys in a file"
	key=00112233445566778899aabbccddeeff
	(umask 077 && printf 'peer %s\npeer2 %s\n' $key $key >"$VOF_TMP/keys")
	start_target --listen "$url" --listen "tls://$VOF_ADDR:8550" --keepalive 2 \
		"${all[@]}" --blk "tvqn=key1,mem=32M,psk=$VOF_TMP/keys" \
		--blk "tvqn=key2,mem=16M,psk-command=cat $VOF_TMP/keys"
	peer "$url" "${with_all[@]}" --keyed key1 --patience 4
	MODE="TLS"
	peer "tls://$VOF_ADDR:8550" --psk $key --tvqn key1 --keyed key2 \
		--only connect,control,queues,data,depth,stream,stall,tls
	stop_target
	is "$MODE: the target ends well" $? 0

	MODE="file"
	start_target --blk "tvqn=disk,file=$VOF_TMP/image"
	peer "$url" --tvqn disk --only data,blk,life,depth,stream,stall
	stop_target
	is "$MODE: the target ends well" $? 0

	MODE="a file of keys that others can read"
	chmod 640 "$VOF_TMP/keys"
	virtio-of-target --listen "tls://$VOF_ADDR" \
		--blk "tvqn=key1,mem=32M,psk=$VOF_TMP/keys" 2>"$VOF_TMP/said"
	is "$MODE: no start" $? 1
	check "$MODE: it says so" grep -q "others than its owner" "$VOF_TMP/said"
	finish
fi

MODE="all features"
start_target "${all[@]}"
peer "$url" "${with_all[@]}"
stop_target
is "$MODE: the target ends well" $? 0

MODE="neither feature"
start_target --blk tvqn=disk,mem=32M,eager=0,num-descs=0
peer "$url" --tvqn disk
stop_target
is "$MODE: the target ends well" $? 0

MODE="file, eager buffer in pieces"
start_target --blk "tvqn=disk,file=$VOF_TMP/image,eager-bufs=5"
peer "$url" --tvqn disk
finish
