#!/usr/bin/env bash
# A SLURM cluster with one node on the loopback device, from Debian's packages, for trials and tests.
#   workflow/slurm/cluster.sh start FOLDER   all its state lies in FOLDER; prints what to evaluate
#   workflow/slurm/cluster.sh stop FOLDER    running jobs end with it
# It needs no root, but only the user who starts it can use it. CPUS: the number of CPUs it pretends to have, by
# default the machine's. It has four fake GPUs, which are assigned to jobs like real ones, in CUDA_VISIBLE_DEVICES.
set -euo pipefail

usage="usage: $0 start|stop FOLDER"
command="${1:?$usage}"
folder="$(realpath -m "${2:?$usage}")"
export SLURM_CONF="$folder/slurm.conf"
PATH="$PATH:/usr/sbin:/sbin"

fail() {
  echo "$0: $1" >&2
  exit 1
}

# The process of a running daemon; its pid file may vanish at any time.
pid() {
  local process
  process="$(cat "$folder/$1.pid" 2> /dev/null)" && kill -0 "$process" 2> /dev/null && echo "$process"
}

# Wait for a condition, for at most twenty seconds.
await() {
  local what="$1"
  shift
  for _ in {1..200}; do
    if "$@" &> /dev/null; then return; fi
    sleep 0.1
  done
  tail -n 5 "$folder"/*.log >&2 || true
  fail "$what within 20 s; logs: $folder/*.log"
}

idle() {
  [[ "$(sinfo --noheader --format=%T)" == idle ]]
}

gone() {
  ! pid "$1"
}

start() {
  for program in munged slurmctld slurmd sbatch; do
    command -v "$program" > /dev/null ||
      fail "$program is missing; on Debian and Ubuntu: apt-get install --no-install-recommends slurm-wlm munge"
  done
  for daemon in slurmctld slurmd munged; do
    if pid "$daemon" > /dev/null; then fail "$folder has a running cluster; stop it first"; fi
  done
  mkdir -p "$folder"/{bin,state,spool,munge}
  chmod 0755 "$folder/munge"
  (umask 077 && head -c 1024 /dev/urandom > "$folder/munge.key")

  local host cpus memory ports user
  host="$(hostname -s)"
  user="$(id -un)"
  cpus="${CPUS:-$(nproc)}"
  memory="$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)"
  read -ra ports < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in held))')
  # SLURM requires character devices; nobody opens them.
  for device in /dev/null /dev/zero /dev/full /dev/random; do
    echo "NodeName=$host Name=gpu File=$device"
  done > "$folder/gres.conf"
  # Snakemake removes all variables that SLURM has set from the environment of job steps, including SLURM_CONF.
  printf '#!/bin/sh\nSLURM_CONF="%s" exec "%s" "$@"\n' "$SLURM_CONF" "$(type -aP srun | tail -n 1)" > "$folder/bin/srun"
  chmod 0755 "$folder/bin/srun"
  cat > "$SLURM_CONF" << CONF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmdPort=${ports[1]}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CryptoType=crypto/munge
SlurmUser=$user
SlurmdUser=$user
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
GresTypes=gpu
KillWait=2
ReturnToService=2
JobRequeue=0
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory Gres=gpu:4 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF

  munged --key-file="$folder/munge.key" --socket="$folder/munge/socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munged.log" --seed-file="$folder/munge.seed" --num-threads=2 --force 2> /dev/null
  slurmctld
  slurmd -N "$host"
  await "the node was not idle" idle
  echo "export SLURM_CONF=$SLURM_CONF PATH=$folder/bin:\$PATH"
}

stop() {
  local process
  [[ -f "$SLURM_CONF" ]] || fail "$folder holds no cluster"
  if pid slurmctld > /dev/null; then
    scancel --quiet --user="$(id -un)" || true
    sleep 1
  fi
  for daemon in slurmd slurmctld munged; do
    if process="$(pid "$daemon")"; then
      kill "$process"
      await "$daemon did not end" gone "$daemon"
    fi
  done
}

case "$command" in
  start | stop) "$command" ;;
  *) fail "$usage" ;;
esac
