#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# TLS: I/O and new links with the right key, what every wrong one and everything that is
# missing says, and that nothing of what is written is on the wire.
# transports: tcp
# kernels: 6.12
# ci: 6.12-tcp
# timeout: 400
# with: openssl
# shellcheck disable=SC2154 # lib has keys and actor
. "$(dirname "$0")/lib.sh"

ivqn=virtio-of/host/$VOF_NODE
wrong=$(printf 'fedcba9876543210%.0s' {1..4})
plain=8550
truncate -s 64M "$VOF_TMP/image"

serve_disks()
{
	start_target --listen "tls://$VOF_ADDR" --listen "tcp://$VOF_ADDR:$plain" \
		--blk "tvqn=secret,file=$VOF_TMP/image,psk=$vof_keys" --blk "tvqn=second,mem=16M,psk=$vof_keys" \
		--blk tvqn=open,mem=16M
}
handshakes() { grep -c 'TLS 1.3' "$VOF_TMP/agent"; }
# fails WHAT ERRNO WORDS ATTRIBUTE=VALUE...
fails()
{
	local what=$1 errno=$2 words=$3
	shift 3
	vof_make bad tvqn=secret tls=1 "$@"
	like "$what: $errno" "$(vof_set bad enable 1)" "^($errno)$"
	like "$what: says why" "$(vof_get bad last_error)" "$words"
	vof_disconnect bad
}
works()
{
	check "$1" vof_fio filename="$disk" rw=randwrite bsrange=512-256k size=16m \
		io_size=4m iodepth=16 verify=crc32c
}
# waits COMMAND...
waits() { for ((n = 0; n < 300; n++)); do "$@" && return; sleep 0.1; done; return 1; }

serve_disks
modprobe virtio_of_tcp || bail "no module"
fails "no key" ENOKEY "no usable key \"virtio-of $ivqn secret\""
check "a key" add_key "virtio-of $ivqn secret"
fails "no agent" ESRCH "no agent does the TLS handshake"
start_agent
check "an agent" grep -q ready "$VOF_TMP/agent"
virtio-of-handshake >"$VOF_TMP/other" 2>&1
is "a second agent is not needed" $? 2
like "and says so" "$(cat "$VOF_TMP/other")" "another handshake agent is there"

check "connect" vof_connect d0 tvqn=secret tls=1 reconnect_delay=1 queue_size=64 ||
	note "$(vof_get d0 last_error)"
disk=$(vof_disk d0)
check "the log says how" grep -q "is target secret at tcp://.*with TLS" <(vof_log)
is "a handshake for each connection" "$(handshakes)" "$(connections)"
works "data comes back"
before=$(handshakes)
VOF_LOAD_TIME=15 verified_load "$disk"
for i in 1 2 3; do
	vof_set d0 reconnect 1
	more() { [ "$(vof_get d0 reconnects)" = "$i" ]; }
	check "new link $i under load" waits more || note "$(vof_get d0 last_error)"
done
check "with handshakes of its own" [ "$(handshakes)" -gt "$((before + 2))" ]
kill_target
serve_disks
more() { [ "$(vof_get d0 reconnects)" = 4 ]; }
check "and after the target was killed" waits more || note "$(vof_get d0 last_error)"
verified_load_ends "the load has seen nothing of it"

# Without its agent a link lives; the next one waits for it.
stop_agent
works "a link needs no agent"
vof_set d0 reconnect 1
said() { [[ $(vof_get d0 last_error) = *"no agent does the TLS handshake"* ]]; }
check "a new one does, and says so" waits said
start_agent
check "live again with it" vof_wait_state d0 live 30 || note "$(vof_get d0 last_error)"
add_key "virtio-of $ivqn secret" "$wrong"
works "a link does not notice another key"
vof_disconnect d0

fails "another key" EKEYREJECTED "by another key, or not at all"
add_key "virtio-of $ivqn secret"
add_key "virtio-of somebody secret"
add_key "virtio-of $ivqn second"
add_key short 00112233
fails "nobody's identity" EKEYREJECTED "not at all" "tls_psk=virtio-of somebody secret"
fails "the identity of another disk" EACCES "access" "tls_psk=virtio-of $ivqn second"
fails "the identity of another host" EACCES "access" ivqn=somebody \
	"tls_psk=virtio-of $ivqn secret"
fails "a key of four bytes" ENOKEY "cannot be used" tls_psk=short
like "the agent says why" "$(cat "$VOF_TMP/agent")" "less than 16 bytes"
fails "plain at the port for TLS" EPROTO "the target speaks TLS there, and this device does not" \
	tls=0
check "the target says so, too" target_says "it does not speak TLS, and nothing else is to be had"
fails "TLS at the plain port" EPROTO "the target does not speak TLS there" trsvcid=$plain
check "the target says so, too" target_says "it wants TLS, which is not to be had here"
fails "plain where keys are" EACCES "access" tls=0 trsvcid=$plain
fails "over RDMA" EOPNOTSUPP "none over RDMA" transport=rdma
check "a disk without keys" vof_connect d0 tvqn=open trsvcid=$plain
vof_disconnect d0

# Who listens and is no target of ours.
busybox nc -l -p 9001 < <(sleep 100) >/dev/null 9>&- &
other=$!
fails "a silent one" ETIMEDOUT "did not answer the TLS handshake" trsvcid=9001
kill $other 2>/dev/null
openssl s_server -nocert -tls1_3 -num_tickets 0 -psk "$vof_key" -accept 9002 \
	-psk_identity "virtio-of $ivqn secret" \
	< <(waits grep -q "port 9002: .*TLS 1.3" "$VOF_TMP/agent"; sleep 1; echo k; sleep 100) \
	>/dev/null 2>&1 9>&- &
other=$!
waits grep -q ":232A " /proc/net/tcp6 /proc/net/tcp
fails "new keys in the middle" EPROTO "change the TLS session" trsvcid=9002
kill $other

# On the wire. The plain port shows that the pattern would be seen.
pattern=THIS-IS-NOT-FOR-OTHERS-
yes "$pattern" | head -c 1M >"$VOF_TMP/pattern"
# on_wire TVQN ATTRIBUTE=VALUE...: how often it was seen, written and read.
on_wire()
{
	tcpdump -Z root -i any -U -w "$VOF_TMP/pcap" 'tcp port 8549 or tcp port 8550' \
		>"$VOF_TMP/tcpdump" 2>&1 9>&- &
	local dump=$!
	waits grep -q "listening on" "$VOF_TMP/tcpdump"
	vof_connect d0 "$@"
	dd if="$VOF_TMP/pattern" of="$(vof_disk d0)" bs=64k oflag=direct status=none
	dd if="$(vof_disk d0)" of=/dev/null bs=64k count=16 iflag=direct status=none
	vof_disconnect d0
	kill $dump
	wait $dump
	grep -ac "$pattern" "$VOF_TMP/pcap"
}
check_not "in plain text it is on the wire" [ "$(on_wire tvqn=open trsvcid=$plain)" = 0 ]
is "with TLS it is not" "$(on_wire tvqn=secret tls=1)" 0
check "but something was" [ "$(stat -c %s "$VOF_TMP/pcap")" -gt 2000000 ]
stop_agent
finish
