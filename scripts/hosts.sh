#!/usr/bin/env bash
# Real Linux hosts on this machine, for tests of deploying: each is a network namespace and an overlay of the root file
# system, with Debian's systemd as process 1 and an sshd of its own. Nothing leaves this machine, and its own files stay
# as they are.
#
#   hosts.sh check             says what is missing here; nothing when hosts can be booted
#   hosts.sh up DIR N          boots hosts 1 to N; DIR then holds key, known_hosts and, for each host, address and log
#   hosts.sh ssh DIR I CMD...  runs a command on host I as root
#   hosts.sh cut DIR I         takes host I from the network; `heal` gives it back
#   hosts.sh silence DIR I     host I drops every packet without a word; `heal` ends that too
#   hosts.sh refuse DIR I      its sshd is stopped, so connections are refused; `accept` starts it again
#   hosts.sh reboot DIR I      its power goes, and comes back; its disk stays
#   hosts.sh down DIR          ends what `up` began, by the process ids it wrote down
#
# Needs root, the right to mount, systemd, openssh-server, sudo, iproute2 and iptables; scripts/peers.sh installs them.
# Every bed has a tag made from its folder and a network of its own, so that two of them do not meet.
set -euo pipefail

what=${1:?check, up, ssh, cut, heal, silence, refuse, accept, reboot or down}

if [[ $what == check ]]; then
  [[ $(id -u) == 0 ]] || echo "hosts are booted by root only"
  for program in /lib/systemd/systemd /usr/sbin/sshd ip iptables unshare nsenter sudo flock; do
    command -v "$program" > /dev/null || echo "there is no $program here: scripts/peers.sh installs it"
  done
  if [[ $(id -u) == 0 ]] && ! unshare --mount mount -t cgroup -o none,name=systemd cgroup /mnt 2> /dev/null; then
    echo "the cgroup hierarchy of systemd cannot be mounted here"
  fi
  exit 0
fi

dir=${2:?a folder}
shift 2
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
tag=nx$(printf '%s' "$dir" | sha256sum | cut -c1-6)

inside() { # host, command: in all namespaces of its process 1
  local i=$1
  shift
  nsenter -t "$(cat "$dir/h$i/systemd")" -m -p -r -w -n -u -i -- "$@"
}

# Runs in the mount namespace of host $1. A cgroup namespace of its own keeps the units of two hosts apart.
boot_script() {
  cat << BOOT
set -e
host=$dir/h$1
mount -t cgroup -o none,name=systemd cgroup \$host/cgroup
mkdir -p \$host/cgroup/$tag-$1
echo \$\$ > \$host/cgroup/$tag-$1/cgroup.procs
exec unshare --cgroup --uts --ipc --pid --fork --kill-child --mount bash \$host/boot2
BOOT
}

boot2_script() {
  cat << BOOT
set -e
cd $dir/h$1
mount -t overlay overlay -o lowerdir=/,upperdir=$dir/h$1/upper,workdir=$dir/h$1/work root
cd root
mount -t proc proc proc
mount -t sysfs sysfs sys || true
for folder in run tmp dev sys/fs/cgroup; do mount -t tmpfs tmpfs \$folder; done
mkdir -p sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
for device in null zero full random urandom tty; do
  touch dev/\$device
  mount --bind /dev/\$device dev/\$device
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
hostname h$1
# Without the last word it would also use the machine's cgroups of version 2, which all hosts see as one tree: a unit that
# ends on one host would take away the group in which its namesake starts on another.
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  chroot . /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal --log-level=notice \
  systemd.legacy_systemd_cgroup_controller=yes
BOOT
}

prepare() { # the disk of host $1
  local i=$1 up=$dir/h$1/upper unit
  mkdir -p "$up"/{etc/systemd/system,etc/ssh,root/.ssh} "$dir/h$i"/{work,root,cgroup}
  chmod 755 "$up" "$up/etc"
  chmod 700 "$up/root" "$up/root/.ssh"
  install -m 600 "$dir/key.pub" "$up/root/.ssh/authorized_keys"
  install -m 600 "$dir/hostkey" "$up/etc/ssh/bed_host_key"
  echo "h$i" > "$up/etc/hostname"
  printf '127.0.0.1 localhost h%s\n' "$i" > "$up/etc/hosts"
  printf '%s' "$dir h$i" | md5sum | cut -c1-32 > "$up/etc/machine-id"
  # What this machine starts at boot is no business of its hosts.
  for unit in /etc/systemd/system/*.wants/*; do
    if [[ -e $unit || -L $unit ]]; then
      mkdir -p "$up/${unit%/*}"
      mknod "$up$unit" c 0 0 2> /dev/null || true
    fi
  done
  for unit in systemd-{sysctl,modules-load,binfmt,tmpfiles-setup-dev,udevd,udev-trigger,remount-fs,hwdb-update} \
    systemd-timesyncd systemd-logind ssh getty@tty1 console-getty; do
    ln -sf /dev/null "$up/etc/systemd/system/$unit.service"
  done
  mkdir -p "$up/etc/systemd/system/multi-user.target.wants"
  cat > "$up/etc/systemd/system/bed-sshd.service" << UNIT
[Service]
RuntimeDirectory=sshd
ExecStart=/usr/sbin/sshd -D -f /dev/null -o ListenAddress=$(cat "$dir/h$i/address") -o UsePAM=no -o MaxStartups=100 \\
  -o HostKey=/etc/ssh/bed_host_key
Restart=on-failure
UNIT
  ln -sf ../bed-sshd.service "$up/etc/systemd/system/multi-user.target.wants/bed-sshd.service"
}

boot() { # host
  local i=$1
  boot_script "$i" > "$dir/h$i/boot"
  boot2_script "$i" > "$dir/h$i/boot2"
  rm -f "$dir/h$i/systemd"
  setsid ip netns exec "$tag$i" unshare --mount --fork --kill-child bash "$dir/h$i/boot" \
    >> "$dir/h$i/log" 2>&1 < /dev/null &
  echo $! > "$dir/h$i/pid"
}

# The innermost child, which is process 1 of the host.
process_one() {
  local pid child
  pid=$(cat "$dir/h$1/pid")
  while child=$(pgrep -P "$pid" | head -n 1) && [[ -n $child ]]; do
    pid=$child
    if [[ $(readlink "/proc/$pid/exe" 2> /dev/null) == */systemd ]]; then
      echo "$pid"
      return 0
    fi
  done
  return 1
}

await() { # host: until sshd answers
  local i=$1 pid address
  address=$(cat "$dir/h$i/address")
  for _ in $(seq 1 600); do
    if [[ ! -f $dir/h$i/systemd ]] && pid=$(process_one "$i"); then echo "$pid" > "$dir/h$i/systemd"; fi
    if [[ -f $dir/h$i/systemd ]] && timeout 1 bash -c ": < /dev/tcp/$address/22" 2> /dev/null; then return 0; fi
    sleep 0.05
  done
  echo "host $i did not come up; see $dir/h$i/log" >&2
  return 1
}

turn_off() { # host
  local i=$1 pid
  pid=$(cat "$dir/h$i/systemd" 2> /dev/null || true)
  if [[ -n $pid ]]; then kill -KILL "$pid" 2> /dev/null || true; fi
  pid=$(cat "$dir/h$i/pid" 2> /dev/null || true)
  if [[ -n $pid ]]; then
    kill -KILL "$pid" 2> /dev/null || true
    for _ in $(seq 1 200); do
      kill -0 "$pid" 2> /dev/null || break
      sleep 0.05
    done
  fi
  rm -f "$dir/h$i/systemd" "$dir/h$i/pid"
}

# The first network 10.88.x.0/24 that no other bed has; the lock makes looking and taking one thing.
take_network() {
  exec 5> /run/lock/nexus-xtask-hosts
  flock 5
  local taken third
  taken=$(ip -o -4 addr)
  for third in $(seq 1 250); do
    if [[ $taken != *" 10.88.$third."* ]]; then
      ip link add "$tag" type bridge
      ip addr add "10.88.$third.1/24" dev "$tag"
      ip link set "$tag" up
      echo "10.88.$third" > "$dir/network"
      exec 5>&-
      return 0
    fi
  done
  echo "there is no free network" >&2
  return 1
}

# They are empty when a host is off; whoever has the hierarchy mounted can remove them.
remove_cgroups=$(
  cat << 'SCRIPT'
mount -t cgroup -o none,name=systemd cgroup "$1"
find "$1/$2" -depth -type d -exec rmdir {} +
SCRIPT
)

case $what in
  up)
    count=${1:?how many}
    [[ -f $dir/key ]] || ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
    [[ -f $dir/hostkey ]] || ssh-keygen -q -t ed25519 -N '' -f "$dir/hostkey"
    take_network
    network=$(cat "$dir/network")
    # Each systemd takes a dozen of them; the default is enough for ten hosts.
    if [[ $(cat /proc/sys/fs/inotify/max_user_instances) -lt 1024 ]]; then
      echo 1024 > /proc/sys/fs/inotify/max_user_instances 2> /dev/null || true
    fi
    : > "$dir/known_hosts"
    for i in $(seq 1 "$count"); do
      mkdir -p "$dir/h$i"
      echo "$network.$((20 + i))" > "$dir/h$i/address"
      echo "$network.$((20 + i)) $(cut -d' ' -f1,2 "$dir/hostkey.pub")" >> "$dir/known_hosts"
      prepare "$i"
      ip netns add "$tag$i"
      ip link add "$tag.$i" type veth peer name eth0 netns "$tag$i"
      ip link set "$tag.$i" master "$tag" up
      ip -n "$tag$i" addr add "$network.$((20 + i))/24" dev eth0
      ip -n "$tag$i" link set eth0 up
      ip -n "$tag$i" link set lo up
      boot "$i"
    done
    for i in $(seq 1 "$count"); do await "$i"; done
    ;;
  ssh)
    i=$1
    shift
    exec ssh -i "$dir/key" -o UserKnownHostsFile="$dir/known_hosts" -o BatchMode=yes -o ConnectTimeout=5 \
      "root@$(cat "$dir/h$i/address")" "$@"
    ;;
  cut) ip link set "$tag.$1" down ;;
  silence) ip netns exec "$tag$1" iptables -I INPUT -j DROP ;;
  heal)
    ip link set "$tag.$1" up
    while ip netns exec "$tag$1" iptables -D INPUT -j DROP 2> /dev/null; do :; done
    ;;
  refuse)
    inside "$1" systemctl stop bed-sshd.service
    # In a container on this kind of cgroup systemd ends the main process for certain, not the connections' ones. The host
    # has process ids of its own, so that no other sshd is met.
    inside "$1" pkill -KILL -x sshd || true
    ;;
  accept)
    inside "$1" systemctl start bed-sshd.service
    await "$1"
    ;;
  inside) inside "$@" ;;
  reboot)
    turn_off "$1"
    boot "$1"
    await "$1"
    ;;
  down)
    for host in "$dir"/h[0-9]*; do
      i=${host##*/h}
      turn_off "$i"
      ip link del "$tag.$i" 2> /dev/null || true
      ip netns del "$tag$i" 2> /dev/null || true
      unshare --mount bash -s "$host/cgroup" "$tag-$i" 2> /dev/null <<< "$remove_cgroups" || true
    done
    ip link del "$tag" 2> /dev/null || true
    ;;
  *)
    echo "check, up, ssh, cut, heal, silence, refuse, accept, reboot or down" >&2
    exit 2
    ;;
esac
