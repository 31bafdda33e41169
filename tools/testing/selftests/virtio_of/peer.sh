#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The target against an initiator in userspace, vof-peer: conformance with the
# protocol, command by command, and what a hostile initiator tries. The kernel's
# initiator has no part in it.
# timeout: 300
# transports: rdma tcp
# kernels: 6.1 6.12 debug
# ci: 6.12 6.12-tcp
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

# both COMMAND...: of what the two initiators have said.
both() { "$@" "$VOF_TMP/lost" && "$@" "$VOF_TMP/kept"; }

truncate -s 32M "$VOF_TMP/image"
all=(--connect-timeout 3 --blk "tvqn=disk,mem=32M"
	--blk "tvqn=locked,mem=16M,allow=nobody/else" --blk "tvqn=ro,mem=16M,readonly"
	--blk "tvqn=slow,mem=16M,delay=2000" --rng tvqn=rng)
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
		--only connect,queues,data,tls
	stop_target
	is "$MODE: the target ends well" $? 0

	MODE="file"
	start_target --blk "tvqn=disk,file=$VOF_TMP/image"
	peer "$url" --tvqn disk --only data,stall
	stop_target
	is "$MODE: the target ends well" $? 0

	# peer has another key from then on, peer2 the same.
	MODE="other keys"
	reads=(vof-act --addr "tls://$VOF_ADDR:8550" --psk "$key" --tvqn key1)
	start_target --listen "tls://$VOF_ADDR:8550" --blk "tvqn=key1,mem=32M,psk=$VOF_TMP/keys"
	"${reads[@]}" --ivqn peer up "await:$VOF_TMP/changed" '!read:8:1' >"$VOF_TMP/lost" &
	lost=$!
	"${reads[@]}" --ivqn peer2 up write:8:1 "await:$VOF_TMP/changed" read:8:1 \
		>"$VOF_TMP/kept" &
	kept=$!
	check "$MODE: both are connected" until_done 10 both grep -q '^up: yes'
	printf 'peer %s\npeer2 %s\n' "f${key#?}" $key >"$VOF_TMP/keys"
	kill -HUP "$TARGET"
	check "$MODE: the reload" until_done 10 grep -q "its key is another one" "$TARGET_LOG"
	touch "$VOF_TMP/changed"
	wait $lost
	is "$MODE: who has the old one is out" $? 0
	wait $kept
	is "$MODE: and nobody else" $? 0
	check "$MODE: out for good" "${reads[@]}" --ivqn peer '!up'
	check "$MODE: the new one is in" vof-act --addr "tls://$VOF_ADDR:8550" --psk "f${key#?}" \
		--tvqn key1 --ivqn peer up down
	chmod 640 "$VOF_TMP/keys"
	kill -HUP "$TARGET"
	check "$MODE: others can read it: nothing is changed" \
		until_done 10 grep -q "others than its owner.*nothing is changed" "$TARGET_LOG"
	stop_target
	is "$MODE: the target ends well" $? 0
	virtio-of-target --listen "tls://$VOF_ADDR" \
		--blk "tvqn=key1,mem=32M,psk=$VOF_TMP/keys" 2>"$VOF_TMP/said"
	is "$MODE: nor does one start with it" $? 1
	check "$MODE: and it says why" grep -q "others than its owner" "$VOF_TMP/said"
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
