# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# TLS: one key for whoever connects in a test, in a file for targets and in the keyring of
# the initiator; and the agent that makes the handshakes.
# shellcheck disable=SC2034,SC2154 # what the other files of this directory have

AGENT=			# its process id
vof_key=$(printf '0123456789abcdef%.0s' {1..4})
vof_keys=$VOF_TMP/keys
# Names that hosts have, that vof-act has, and that tests give. Nobody else may read it.
vof_names=(peer other me another/initiator)
for vof_node in $VOF_PEERS; do
	vof_names+=("virtio-of/host/$vof_node")
done
(umask 077 && printf "%s $vof_key\n" "${vof_names[@]}" >"$vof_keys")

# add_key DESCRIPTION [KEY]: in place of one with that description.
add_key()
{
	keyctl unlink "%user:$1" %:.virtio_of >/dev/null 2>&1
	keyctl add -x user "$1" "${2:-$vof_key}" %:.virtio_of >/dev/null
}

start_agent()
{
	virtio-of-handshake >"$VOF_TMP/agent" 2>&1 9>&- &
	AGENT=$!
	until_done 20 grep -q ready "$VOF_TMP/agent"
}

stop_agent()
{
	local pid=$AGENT
	AGENT=
	kill "$pid" && wait "$pid"
}
