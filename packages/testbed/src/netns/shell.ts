/** Shell texts that the netns provider runs. Values come in as positional parameters, never pasted into the text. */

/**
 * The first process of the testbed's pid namespace. It starts the keeper and waits; being process 1 it also reaps whatever is
 * left behind by programs that started others (node would not). When the keeper ends it ends, and the kernel ends the rest.
 * The keeper's standard input is kept through fd 3, because a shell gives background jobs /dev/null.
 */
export const initScript: string = 'exec 3<&0; "$@" <&3 3<&- & wait "$!"; exit "$?"';

/**
 * The pause process of a pod, in its own net, mount and uts namespaces: $1 host name, $2 folder with the pod's etc files.
 * Each file is mounted over the machine's; where the machine has none (a bare container) the whole /etc is replaced by a
 * small one that points to the real entries. Prints one line when the pod can be used, then sleeps for ever.
 */
export const pauseScript: string = `
set -e
hostname "$1" 2>/dev/null || echo "$1" > /proc/sys/kernel/hostname
missing=
for f in resolv.conf hosts nsswitch.conf hostname; do
  mount --bind "$2/$f" "/etc/$f" 2>/dev/null || missing="$missing $f"
done
if [ -n "$missing" ]; then
  mkdir -p "$2/root"
  mount -t tmpfs tmpfs "$2/root"
  mkdir "$2/root/.machine"
  mount --rbind /etc "$2/root/.machine"
  for f in /etc/* /etc/.[!.]*; do
    n="\${f##*/}"
    if [ -e "$f" ] || [ -L "$f" ]; then ln -s ".machine/$n" "$2/root/$n"; fi
  done
  for f in resolv.conf hosts nsswitch.conf hostname; do
    rm -f "$2/root/$f"
    cp "$2/$f" "$2/root/$f"
  done
  mount --rbind "$2/root" /etc
fi
for d in /run/nscd /run/systemd/resolve; do
  if [ -d "$d" ]; then mount -t tmpfs tmpfs "$d" 2>/dev/null || true; fi
done
for s in net/ipv4/ip_unprivileged_port_start:0 net/ipv4/ping_group_range:'0 2147483647'; do
  echo "\${s#*:}" > "/proc/sys/\${s%%:*}" 2>/dev/null || true
done
echo ready
exec sleep 2147483647
`;

/** Runs a program from a folder: $1 folder, then the program. 127 when it does not exist, as every shell has it. */
export const inFolderScript: string = 'cd -- "$1" || exit 126; shift; exec "$@"';
