#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the documents tell people to do, in the documents' own words, twice, and without
# the module; and the scripts of tools/initiator as their unit calls them: started twice,
# restarted, stopped twice, in error, without a target, without a module.
# kernels: 6.1 6.12
# ci: 6.12
. "$(dirname "$0")/lib.sh"

bin=/vof/tools/initiator
unit=$bin/virtio-of@.service
conf=/etc/virtio-of/disk0.conf
state() { cat "$VOF_CONFIGFS/disk0/state" 2>/dev/null || echo none; }
serve_disks()
{
	start_target --listen "rdma://$VOF_ADDR" --listen "tcp://$VOF_ADDR" \
		--blk tvqn=com.example/disk0,mem=16M,queues=1 \
		--blk tvqn=disk0,mem=16M,queues=1
}

# Nothing is to be left where a script was started, nor in the root.
mkdir "$VOF_TMP/here"
root=$(ls -A /)
tidy() { is "$1: leaves no files" "$(ls -A / "$VOF_TMP/here")" "/:
$root

$VOF_TMP/here:"; }
cd "$VOF_TMP/here" || bail "no directory"

# block FILE: the commands in it that make a directory, without their indentation.
block()
{
	sed -n '/^ *d=\/sys\/kernel\/config\/virtio_of\//,/^ *$/s/^ *//p' "$1" |
		sed "s/192\.0\.2\.1/$VOF_ADDR/"
}

serve_disks
for f in /vof/README.md /vof/admin-guide.rst /vof/testing.rst; do
	what=${f##*/}
	block $f >"$VOF_TMP/block"
	check "$what has commands" grep -q 'echo 1 > .d/enable' "$VOF_TMP/block"
	name=$(sed -n 's/^d=.*\///p' "$VOF_TMP/block")
	bash "$VOF_TMP/block" >/dev/null 2>&1
	tidy "$what without the module"
	module=virtio_of_rdma
	! grep -q '^echo tcp > .d/transport' "$VOF_TMP/block" || module=virtio_of_tcp
	modprobe $module
	bash "$VOF_TMP/block" >/dev/null 2>&1
	is "$what: connects" "$(vof_get "$name" state)" live
	device=$(vof_get "$name" device)
	bash "$VOF_TMP/block" >/dev/null 2>&1
	is "$what, again: changes nothing" "$(vof_get "$name" state) $(vof_get "$name" device)" \
		"live $device"
	tidy "$what"
	vof_disconnect "$name"
	rmmod $module virtio_of
done

# ---- the unit ---------------------------------------------------------------

# exec_line KEY: what systemd would run for the device disk0.
exec_line()
{
	sed -n "s/^$1=//p" $unit | sed "s,@SBINDIR@,$bin,; s/%i/disk0/"
}
start() { timeout 60 bash -c "$(exec_line ExecStart)"; }
stop() { timeout 60 bash -c "$(exec_line ExecStopPost)"; }
# fails WHAT WORDS COMMAND...: at once, for good, and says why.
fails()
{
	local what=$1 words=$2 status
	shift 2
	"$@" >"$VOF_TMP/said" 2>&1
	status=$?
	is "$what: ends with 1" $status 1
	like "$what: says why" "$(cat "$VOF_TMP/said")" "$words"
	tidy "$what"
}

fails "no file" "cannot be read" start
mkdir -p /etc/virtio-of
sed -n '/disk0.conf``::$/,/^::/s/^   \(.*=.*\)/\1/p' /vof/admin-guide.rst |
	sed "s/192\.0\.2\.1/$VOF_ADDR/" >$conf
is "the guide has the file" "$(wc -l <$conf)" 2
mkdir "$VOF_TMP/fake"
printf '#!/bin/sh\nexit 1\n' >"$VOF_TMP/fake/modprobe"
chmod +x "$VOF_TMP/fake/modprobe"
PATH=$VOF_TMP/fake:$PATH fails "no module" "cannot be loaded" start

check "start" start
is "is live" "$(state)" live
device=$(vof_get disk0 device)
check "start again" start
is "changes nothing" "$(state) $(vof_get disk0 device)" "live $device"
check "restart: stop" stop
is "nothing is left" "$(state)" none
check "restart: start" start
is "restart: live" "$(state)" live

check "stop" stop
start &
starter=$!
check "two at a time" start
wait $starter
is "of which neither fails" $? 0
is "two at a time: live" "$(state)" live

disk=$(vof_disk disk0)
exec 7<"$disk"
fails "stop with the disk in use" "disk0: ${disk#/dev/} is in use" stop
is "it stays" "$(state)" live
check "unless one insists" $bin/virtio-of-disconnect -f disk0
exec 7<&-
check "stop" stop
check "stop again" stop

long=$(printf '%070d' 0)
echo "tvqn=x" >"/etc/virtio-of/$long.conf"
fails "a name that is too long" "File name too long" $bin/virtio-of-connect "$long"

good=$(cat $conf)
sed -i 's/^tvqn=.*/tvqn=nobody/' $conf
fails "a wrong name" "no such target" start
check "a wrong name: stop" stop
echo "$good" >$conf
echo "nonsense=1" >>$conf
fails "an unknown attribute" "no attribute nonsense" start
echo "$good
enable=1" >$conf
fails "enable is none" "enable is no setting" start
fails "a name with slashes" "no name of a directory" $bin/virtio-of-connect ../x
printf '# a comment\n\n%s' "$good" >$conf
check "corrected, with a comment, without a newline: start" start
check "stop" stop

kill_target
start 2>"$VOF_TMP/said" &
starter=$!
wait_for() { local i; for ((i = 0; i < 300; i++)); do "$@" && return; sleep 0.1; done; return 1; }
check "without a target it is tried again" wait_for grep -q "trying again" "$VOF_TMP/said"
serve_disks
wait $starter
is "until there is one" $? 0
is "live" "$(state)" live
check "stop" stop

kill_target
# What the one before has said must not be taken for what this one says.
: >"$VOF_TMP/said"
bash -c "exec $(exec_line ExecStart)" 2>"$VOF_TMP/said" &
starter=$!
check "without a target" wait_for grep -q "trying again" "$VOF_TMP/said"
kill $starter
wait $starter
check "ended while it tries: stop" stop
is "nothing is left" "$(state)" none
tidy "all that"
cd /
finish
