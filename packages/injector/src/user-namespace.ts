/**
 * Whether `uid` exists in the user namespace whose /proc/PID/uid_map reads `map` (user_namespaces(7): first id inside,
 * first id outside, count). An id that does not exist matches no packet.
 */
export function isUidMapped(map: string, uid: number): boolean {
  return map.split('\n').some((line) => {
    const [inside, , count] = line.trim().split(/\s+/).map(Number);
    return count > 0 && uid >= inside && uid - inside < count;
  });
}
