/** A command tells with which code the program is to end: 0 done, 1 a check failed, 2 wrong use. */
export type Finish = (code: number) => void;
