# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A test in a whole Debian, see scripts/debian-image: the script runs anew at each boot,
# VOF_BOOT says which one it is, and results are counted on.
#
#	case $VOF_BOOT in
#	1) install_packages; ...; reboot_host ;;
#	2) ...; finish ;;
#	esac
# shellcheck disable=SC2034,SC2154 # what the other files of this directory have

if [ -e "$VOF_TMP/tap" ]; then
	read -r tap_count tap_failed <"$VOF_TMP/tap"
fi

# install_packages [NAME...]: what make deb has made, all but the DKMS package without
# names. What DKMS would have made of that is here already, see install_modules.
install_packages()
{
	local p
	[ $# -gt 0 ] || set -- tools target
	for p; do
		set -- "$@" /vof/debs/virtio-of-"$p"_*.deb
		shift
	done
	DEBIAN_FRONTEND=noninteractive dpkg -i "$@"
}

install_modules()
{
	cp -r /vof/modules/. "/lib/modules/$(uname -r)/"
}

# In the place of that of small guests, which counts the time that they were given.
milliseconds()
{
	local up
	read -r up _ </proc/uptime
	echo "${up/./}0"
}

uptime_s() { local up; read -r up _ </proc/uptime; echo "${up%.*}"; }

# When people could log in, in seconds since the kernel began; waits for it.
login_s()
{
	local us=
	until_done "${1:-300}" systemctl -q is-active getty.target || return 1
	us=$(systemctl show -P ActiveEnterTimestampMonotonic getty.target)
	echo $((us / 1000000))
}

# started: everything that is to start has been started, or tried.
no_jobs() { [ -z "$(systemctl list-jobs --no-legend)" ]; }
started() { until_done "${1:-300}" no_jobs; }

# check_host: nobody complains. What a test provokes in the kernel's log it names beforehand.
check_host()
{
	local out
	out=$(systemctl --failed --no-legend --plain)
	is "no unit has failed" "$out" "" || systemctl status --no-pager -l --failed | note
	out=$(vof_bad_lines)
	is "nothing bad in the kernel's log" "$out" ""
}

# reboot_host [COMMAND...]: the next boot goes on. How long it takes until then is told
# there by down_s.
reboot_host()
{
	check_host
	[ "$tap_failed" = 0 ] || vof_explain
	echo "$tap_count $tap_failed" >"$VOF_TMP/tap"
	tap_done=yes
	[ $# -gt 0 ] || set -- systemctl --no-block reboot
	date +%s >"$VOF_TMP/down"
	sync -f "$VOF_TMP"
	"$@"
	# systemd ends everything at last.
	trap - EXIT TERM
	sleep 1000
}

# How long the host took to go down, up to the next kernel.
down_s()
{
	local before
	read -r before <"$VOF_TMP/down"
	echo $(($(date +%s) - $(uptime_s) - before))
}

# In the place of that of small guests, which leave nothing behind.
finish()
{
	[ -z "$tap_done" ] || return 0
	check_host
	[ "$tap_failed" = 0 ] || { vof_explain; journalctl -b -p notice --no-pager | tail -n 40 | note; }
	tap_done=yes
	! tap_reporter || echo "1..$tap_count"
	[ "$tap_failed" = 0 ] && exit 0
	exit 1
}
