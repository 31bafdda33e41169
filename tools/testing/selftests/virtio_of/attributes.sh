#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Attributes of configfs: defaults, limits, and what they refuse; those of a virtio device in
# sysfs, and the uevents of that.
# transports: rdma tcp
# quick: yes
# timeout: 240
# kernels: 6.1 6.12 debug
# ci: 6.12 6.12-tcp
. "$(dirname "$0")/lib.sh"

long=$(printf 'x%.0s' {1..255})

modprobe "$VOF_MODULE" || bail "$VOF_MODULE does not load"
mkdir "$VOF_CONFIGFS/a" || bail "mkdir fails"

for pair in transport=rdma traddr= trsvcid=8549 host_traddr= tvqn= \
	queue_size=128 tls=0 tls_psk= enable=0 state=disabled device= last_error= \
	ctrl_loss_tmo=600 fast_io_fail_tmo=-1 reconnect_delay=10 io_tmo=30 \
	state_age=0 reconnects=0 attempts=0 replayed=0; do
	is "default of ${pair%%=*}" "$(vof_get a "${pair%%=*}")" "${pair#*=}"
done
is "default of ivqn is the module's parameter" "$(vof_get a ivqn)" \
	"virtio-of/host/$VOF_NODE"

# accepts ATTRIBUTE VALUE; refuses ATTRIBUTE VALUE ERRNO WORDS
accepts()
{
	check "$1 takes ${2:0:30}" vof_set a "$1" "$2"
	is "$1 is then ${2:0:30}" "$(vof_get a "$1")" "$2"
}
refuses()
{
	local before
	before=$(vof_get a "$1")
	is "$1 refuses ${2:0:30}" "$(vof_set a "$1" "$2")" "$3"
	like "$1: last_error" "$(vof_get a last_error)" "$4"
	is "$1 is as before" "$(vof_get a "$1")" "$before"
}

accepts tvqn "$long"
refuses tvqn "${long}y" ENAMETOOLONG "255 bytes"
refuses tvqn $'a\tb' EINVAL "control character"
accepts tls 1
refuses tls 2 EINVAL "0 or 1"
accepts tls 0
accepts tls_psk "$long $long"
refuses tls_psk "$long $long $long" ENAMETOOLONG "bytes"
refuses tls_psk $'a\tb' EINVAL "control character"
accepts tls_psk ""
accepts tvqn "com.example/disk-0 über"
accepts ivqn "$long"
refuses ivqn "${long}y" ENAMETOOLONG "255 bytes"
accepts traddr 192.0.2.1
accepts traddr 2001:db8::1
accepts traddr "192.0.2.1 2001:db8::1 192.0.2.2 192.0.2.3"
refuses traddr "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5" E2BIG "at most 4 addresses"
refuses traddr "2001:db8::1 192.0.2.1 2001:db8:0::1" EINVAL "2001:db8:0::1 is there twice"
refuses traddr "192.0.2.1 example.com" EINVAL "not an IPv4 or IPv6 address"
refuses traddr " " EINVAL "no address"
accepts traddr ""
refuses traddr 192.0.2.256 EINVAL "not an IPv4 or IPv6 address"
refuses traddr example.com EINVAL "not an IPv4 or IPv6 address"
refuses traddr "$long" ENAMETOOLONG "63 bytes"
refuses traddr "$long 1" ENAMETOOLONG "255 bytes"
refuses host_traddr ":::" EINVAL "not an IPv4 or IPv6 address"
accepts trsvcid 1
accepts trsvcid 65535
refuses trsvcid 0 EINVAL "1 to 65535"
refuses trsvcid 65536 EINVAL "1 to 65535"
refuses trsvcid http EINVAL "1 to 65535"
refuses transport smoke EPROTONOSUPPORT "no such transport"
refuses transport "../evil" EINVAL "letters"
refuses transport "$long" ENAMETOOLONG "15 bytes"
accepts transport "$VOF_TRANSPORT"
accepts queue_size 2
accepts queue_size 1024
refuses queue_size 0 EINVAL "power of two"
refuses queue_size 1 EINVAL "power of two"
refuses queue_size 100 EINVAL "power of two"
refuses queue_size 2048 EINVAL "power of two"
refuses queue_size 65536 EINVAL "power of two"
refuses enable maybe EINVAL "0, 1 or 2"
for a in ctrl_loss_tmo fast_io_fail_tmo; do
	accepts $a -1
	accepts $a 86400
	refuses $a -2 EINVAL "seconds, -1 to 86400"
done
accepts reconnect_delay 1
refuses reconnect_delay 0 EINVAL "seconds, 1 to 86400"
refuses reconnect_delay 86401 EINVAL "seconds, 1 to 86400"
accepts io_tmo -1
accepts io_tmo 1
refuses io_tmo 0 EINVAL "1 to 86400, or -1"
refuses io_tmo 86401 EINVAL "seconds, -1 to 86400"
refuses reconnect_delay soon EINVAL "seconds"
is "reconnect of nothing" "$(vof_set a reconnect 1)" ENOTCONN
is "reconnect takes 1" "$(vof_set a reconnect 0)" EINVAL
for a in state device last_error state_age reconnects attempts replayed; do
	is "$a cannot be written" "$(vof_set a $a x)" EACCES
done

rmdir "$VOF_CONFIGFS/a"
mkdir "$VOF_CONFIGFS/a"
is "enable without tvqn" "$(vof_set a enable 1)" EINVAL
is "says so" "$(vof_get a last_error)" "tvqn is not set"
vof_set a tvqn x
is "enable without traddr" "$(vof_set a enable 1)" EINVAL
is "says so" "$(vof_get a last_error)" "traddr is not set"
vof_set a traddr 10.0.0.1
vof_set a host_traddr fd00::1
is "two address families" "$(vof_set a enable 1)" EAFNOSUPPORT
vof_set a host_traddr ""
# Where there is no TLS nothing goes without it.
if over rdma || [[ $(uname -r) = 6.1.* || $(uname -r) = *-debug ]]; then
	vof_set a transport "$VOF_TRANSPORT"
	vof_set a tls 1
	is "TLS where there is none" "$(vof_set a enable 1)" EOPNOTSUPP
	like "says so" "$(vof_get a last_error)" "^tls: "
	vof_set a tls 0
fi

# The name of this host: the parameter of the module is the default of all directories
# that have none of their own, and without one there is nothing to guess.
parameter=/sys/module/virtio_of/parameters/ivqn
refused() { vof_errno "$( { printf '%s\n' "$1" >$parameter; } 2>&1)"; }
vof_set a ivqn own
is "a name of its own" "$(vof_get a ivqn)" own
vof_set a ivqn ""
is "is given up again" "$(vof_get a ivqn)" "virtio-of/host/$VOF_NODE"
is "the parameter has a limit" "$(refused "${long}y")" ENAMETOOLONG
is "and takes a line of text" "$(refused $'a\tb')" EINVAL
check "and takes the longest name" bash -c "echo $long >$parameter"
is "which is then the default" "$(vof_get a ivqn)" "$long"
check "it can be taken away" bash -c "echo >$parameter"
is "and then there is none" "$(vof_get a ivqn)" ""
is "enable without ivqn" "$(vof_set a enable 1)" EINVAL
like "says what to do" "$(vof_get a last_error)" "ivqn is not set.*vofctl ivqn"

# The program that makes one at installation.
made="vofctl ivqn"
rm -f /etc/modprobe.d/virtio-of.conf
check "a name is made" bash -c "$made >$VOF_TMP/first"
like "which is random" "$(cat "$VOF_TMP/first")" \
	'^virtio-of/host/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
is "and the default now" "$(vof_get a ivqn)" "$(cat "$VOF_TMP/first")"
is "made once" "$($made)" "$(cat "$VOF_TMP/first")"
rmdir "$VOF_CONFIGFS/a"
rmmod "$VOF_MODULE" virtio_of
modprobe "$VOF_MODULE"
mkdir "$VOF_CONFIGFS/a"
is "the default after the module is loaded" "$(vof_get a ivqn)" "$(cat "$VOF_TMP/first")"
is "a name of one's choice" "$($made new "a host's name")" "a host's name"
is "is the default" "$(vof_get a ivqn)" "a host's name"
rmdir "$VOF_CONFIGFS/a"
rmmod "$VOF_MODULE" virtio_of
modprobe "$VOF_MODULE"
mkdir "$VOF_CONFIGFS/a"
is "and after the module is loaded" "$(vof_get a ivqn)" "a host's name"
for name in "" $'a\nb' 'a"b' "${long}y"; do
	check_not "no name: ${name:0:9}" vofctl ivqn new "$name"
done
is "that one stays" "$($made)" "a host's name"
echo written-by-hand >/etc/virtio-of/ivqn
is "a file that was edited" "$($made)" written-by-hand
is "is the truth" "$(vof_get a ivqn)" written-by-hand
rm -r /etc/virtio-of /etc/modprobe.d/virtio-of.conf
check_not "another host has another name" [ "$($made)" = "$(cat "$VOF_TMP/first")" ]
rmdir "$VOF_CONFIGFS/a"
rmmod "$VOF_MODULE" virtio_of
check_not "a name that is too long is no parameter" modprobe virtio_of "ivqn=${long}y"
check_not "nor is one with a control character" modprobe virtio_of "ivqn=$(printf 'a\1b')"
like "the log says so" "$(vof_log)" "parameter ivqn: control character"
modprobe "$VOF_MODULE"
mkdir "$VOF_CONFIGFS/a"

rmdir "$VOF_CONFIGFS/a"
check_not "mkdir of an overlong name" mkdir "$VOF_CONFIGFS/${long:0:64}"
for module in virtio_of "$VOF_MODULE"; do
	is "the version of $module" "$(cat "/sys/module/$module/version")" "$(cat /vof/VERSION)"
	is "and in its file" "$(modinfo -F version "$module")" "$(cat /vof/VERSION)"
done
check "mkdir of the longest name" mkdir "$VOF_CONFIGFS/${long:0:63}"
check_not "mkdir of a name of two lines" mkdir "$VOF_CONFIGFS/a"$'\n'"b"
like "the log says why" "$(vof_log)" "a name has no control characters"

# ---- the directory vof of a virtio device -------------------------------------

# fact ATTRIBUTE: of the device s0
fact() { cat "$sys/$1"; }
# told REGEX [SINCE [FILE]]: waits for a line of the uevents, behind the SINCE first ones
told()
{
	local i file=${3:-$VOF_TMP/uevents}
	for ((i = 0; i < 100; i++)); do
		! tail -n +$((${2:-0} + 1)) "$file" | grep -E "$1" >/dev/null || return 0
		sleep 0.1
	done
	cat "$file"
	return 1
}
vof-watch uevents >"$VOF_TMP/uevents" 2>&1 &
watcher=$!
check "uevents are watched" told ready
start_target --blk tvqn=com.example/disk,mem=16M
check "connect" vof_connect s0 tvqn=com.example/disk "ivqn=a host's name"
device=$(vof_get s0 device)
sys=/sys/bus/virtio/devices/$device/vof
check "the directory is there when the device is announced" \
	told "^add $device s0 connecting s0$"
check "then it is live" told "^change $device s0 live s0$"
for pair in name=s0 tvqn=com.example/disk "ivqn=a host's name" "transport=$VOF_TRANSPORT" \
	"address=$(vof_url "$VOF_ADDR" 8549)" state=live reconnects=0 replayed=0 failed=0; do
	is "${pair%%=*}" "$(fact "${pair%%=*}")" "${pair#*=}"
done
like "the device says it too" "$(cat "$sys/../uevent")" $'VOF_NAME=s0\nVOF_STATE=live'
is "nobody but the administrator's tools writes" "$(find "$sys" -type f -perm /222)" ""

disk=$(vof_disk s0)
counters=(requests bytes_read bytes_written)
if over rdma; then
	counters+=(eager_hits copied_bytes registrations)
else
	counters+=(lent_requests send_stalls)
fi
# grown COMMAND...: by how much the counters grow meanwhile
grown()
{
	local c was=()
	for c in "${counters[@]}"; do
		was+=("$(fact "$c")")
	done
	"$@" 2>/dev/null || echo "failed: $*"
	for c in "${counters[@]}"; do
		echo "$c+$(($(fact "$c") - was[0]))"
		was=("${was[@]:1}")
	done | xargs
}
# 16 bytes in front of the data of a request, and one behind it, are the driver's.
writes="requests+16 bytes_read+16 bytes_written+$((16 * 4112))"
reads="requests+16 bytes_read+$((16 * 4097)) bytes_written+$((16 * 16))"
if over rdma; then
	writes+=" eager_hits+16 copied_bytes+16 registrations+0"
	reads+=" eager_hits+16 copied_bytes+$((16 * 4097)) registrations+0"
else
	writes+=" lent_requests+0 send_stalls+0"
	reads+=" lent_requests+0 send_stalls+0"
fi
is "writes are counted" \
	"$(grown dd if=/dev/zero "of=$disk" bs=4k count=16 oflag=direct)" "$writes"
is "reads are counted" "$(grown dd "if=$disk" of=/dev/null bs=4k count=16 iflag=direct)" "$reads"
over tcp || like "larger ones are registered" \
	"$(grown dd "if=$disk" of=/dev/null bs=64k count=16 iflag=direct)" "registrations\+16$"
before=$(fact requests)
vof_bind unbind "$device"
is "what a driver has done stays" "$(fact requests)" "$before"
vof_bind bind "$device"
check "the next one goes on" [ "$(fact requests)" -gt "$before" ]

# ---- what changes is told -----------------------------------------------------

# shellcheck disable=SC2154 # slower is of lib.sh
vof-watch poll "$sys/state" $((10 * slower)) >"$VOF_TMP/poll" 2>&1 &
poller=$!
check "it is polled" told live 0 "$VOF_TMP/poll"
lines=$(wc -l <"$VOF_TMP/uevents")
kill -STOP "$TARGET"
vof_set s0 reconnect 1
wait $poller
is "who polls the state hears of it" $? 0
is "and reads it" "$(tail -n 1 "$VOF_TMP/poll")" recovering
check "there is an uevent" told "^change $device s0 recovering s0$"
kill -CONT "$TARGET"
vof_wait_state s0 live
check "and one for its return" told "^change $device s0 live s0$" "$lines"
is "the return is counted" "$(fact reconnects)" "$(vof_get s0 reconnects)"

# Ten times to and fro is twenty changes.
before=$(grep -c ^change "$VOF_TMP/uevents")
start=${EPOCHREALTIME/./}
for ((i = 0; i < 10; i++)); do
	links=$(fact reconnects)
	vof_set s0 reconnect 1
	for ((k = 0; k < 300; k++)); do
		[ "$(fact reconnects)" = "$links" ] || break
		sleep 0.02
	done
done
events=$(($(grep -c ^change "$VOF_TMP/uevents") - before))
took=$(((${EPOCHREALTIME/./} - start) / 1000))
note "$events uevents in $took ms"
check "no more than four in a second" [ $events -le $((took / 240 + 1)) ]
for ((i = 0; i < 50; i++)); do
	[[ $(tail -n 1 "$VOF_TMP/uevents") != *" live s0" ]] || break
	sleep 0.1
done
is "the last one is right" "$(tail -n 1 "$VOF_TMP/uevents")" "change $device s0 live s0"

# ---- it goes while it is read -------------------------------------------------

vof_set s0 enable 0
# Its directory may be gone when the watcher looks into it.
check "that it goes is told" told "^change $device s0 disconnecting (s0|-)$"
check "and that it is gone" told "^remove $device s0 disconnecting -$"
touch "$VOF_TMP/reading"
# More of them would leave a connect no processor within its limits.
while [ -e "$VOF_TMP/reading" ]; do
	cat /sys/bus/virtio/devices/*/{uevent,vof/*}
done >"$VOF_TMP/read" 2>/dev/null &
reader=$!
come_and_go()
{
	local i
	for ((i = 0; i < 6; i++)); do
		vof_set s0 enable 1 && vof_set s0 enable 0 || return
	done
}
within 20 "it comes and goes while it is read" come_and_go
rm "$VOF_TMP/reading"
gone() { while kill -0 "$@" 2>/dev/null; do sleep 0.05; done; }
within 10 "who reads ends" gone $reader
check "and has read something" grep -q com.example/disk "$VOF_TMP/read"
kill $watcher
vof_disconnect s0
rmdir "$VOF_CONFIGFS/${long:0:63}"

finish
