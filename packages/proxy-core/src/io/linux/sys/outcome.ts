/** What a call that moves bytes gives instead of a number of them. */
export const wouldBlock = 0;
export const ended: number = -1;
export const failed: number = -2;
