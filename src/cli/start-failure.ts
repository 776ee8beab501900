/** The text of a failed start, with a hint what to do about it. */

/** Damage is reported with its place in a file, or as a contradiction; a failed read ("of N bytes at offset") is no damage. */
const damage = /(?<! bytes) at offset \d+|the log contradicts itself/;

export function startFailure({ message }: Error, dir: string): string {
  if (!damage.test(message)) return message;
  return `${message} (cairn check ${dir} lists all damage; --salvage yes starts without what is damaged)`;
}
