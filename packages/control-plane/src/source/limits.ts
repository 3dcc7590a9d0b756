/** Bounds of the folder source. Each refuses the state with a problem, or only delays it. */

/** A larger file is no manifest that a person keeps, and parsing it would hold up everything else. */
export const MAX_FILE_BYTES: number = 4 * 1024 * 1024;

/** More files than this in one folder: the wrong folder was named, such as a home directory. */
export const MAX_FILES = 10_000;

/** Folders within folders. Deeper ones are not read: it is a loop, or the wrong folder. */
export const MAX_DEPTH = 16;

/** Quiet time after a change before the folder is read: editors and Kubernetes change a file in several steps. */
export const DEBOUNCE_MS = 50;

/** A folder that is never quiet is read all the same after this long. */
export const MAX_DEBOUNCE_MS = 200;

/** How often everything is looked at even though no change was heard of: some file systems tell of none. */
export const POLL_MS = 1000;

/** A file changed this recently may change again without its times telling: it is read again at the next look. */
export const RACY_MS = 2000;

/** The last good configuration is written at most this often: after a crash a restart may find one that is this old. */
export const SAVE_INTERVAL_MS = 1000;

/** A larger last good configuration is not saved, with an error in the log: writing it would hold up everything else. */
export const MAX_SAVED_BYTES: number = 64 * 1024 * 1024;
