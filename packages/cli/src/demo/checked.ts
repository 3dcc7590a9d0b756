/** What one check found. */
export interface Checked {
  act: string;
  id: string;
  ok: boolean;
  /** What must hold. */
  claim: string;
  /** What was seen, as evidence; for a failed check what was there instead. */
  seen: string;
}
