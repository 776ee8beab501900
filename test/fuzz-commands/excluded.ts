import { type Command } from './values.js';

/** Commands that the fuzzer does not send, each with its reason. All others of the server's table are sent. */
export interface Exclusion {
  readonly name: RegExp;
  readonly why: string;
}

export const excluded: readonly Exclusion[] = [
  { name: /^shutdown$/, why: 'ends the server; program.ts restarts it' },
  { name: /^(monitor|client\|reply)$/, why: 'changes how many replies there are; program.ts sends CLIENT REPLY' },
  {
    name: /^[ps]?(un)?subscribe$/,
    why: 'changes how many replies there are, and what may be asked; an end-to-end test compares them',
  },
  { name: /^client\|(kill|pause|unpause|unblock)$/, why: 'concerns other connections, whose replies would race' },
  { name: /^client\|(list|info|no-evict|tracking|trackinginfo)$/, why: 'an account of things that Cairn has not' },
  { name: /^(config|latency|slowlog|memory|acl|module|debug|lolwut)(\||$)/, why: 'about the server, not its data' },
  { name: /^(cluster|replicaof|slaveof|failover|readonly|readwrite|asking|role)(\||$)/, why: 'about other servers' },
  {
    name: /^(function|script)(\||$)|^(eval|evalsha|fcall)(_ro)?$/,
    why: 'random text is no script; test/e2e/script-conversions.test.ts compares scripts',
  },
  { name: /^(save|bgsave|bgrewriteaof|lastsave)$/, why: 'checkpoints are not snapshots; restarts write them' },
  { name: /^cairn(\||$)/, why: 'only Cairn has it' },
  { name: /^auth$/, why: 'needs a password that both have; HELLO sends AUTH' },
  { name: /^(command)(\||$)/, why: 'tables that differ by version; an end-to-end test compares them' },
  { name: /^pfselftest$/, why: 'takes Redis a second; an end-to-end test sends it' },
  { name: /^waitaof$/, why: 'needs replicas or an append-only file beside' },
  { name: /\|help$/, why: 'free text' },
];

export function isExcluded(name: string): boolean {
  return excluded.some((exclusion) => exclusion.name.test(name));
}

/** Forms of a command that are not sent beside an older redis-server, where they leave another state behind. */
interface ExcludedForm {
  readonly name: RegExp;
  readonly before: number;
  readonly matches: (args: readonly string[]) => boolean;
  readonly why: string;
}

const excludedForms: readonly ExcludedForm[] = [
  {
    name: /^z(rev)?rank$/i,
    before: 7.2,
    matches: (args) => args.length > 2,
    why: 'WITHSCORE came with 7.2; before, one argument more than two is an error of arity, which ends a transaction.',
  },
  {
    name: /^hello$/i,
    before: 7.2,
    matches: (args) => args.filter((arg) => /^auth$/i.test(arg)).length > 1,
    why: 'Before 7.2 Redis acts on each AUTH as it reads it, so a wrong one refuses all; since then the last one counts.',
  },
  {
    name: /^spop$/i,
    before: Infinity,
    matches: (args) => args[1] === undefined || (Number(args[1]) > 0 && Number(args[1]) < 5000),
    why: 'Each server removes others; the whole set they remove alike.',
  },
  {
    name: /^sort$/i,
    before: Infinity,
    matches: (args) => args.some((arg) => /^by$/i.test(arg)) && args.some((arg) => /^store$/i.test(arg)),
    why: 'Elements whose keys are equal, or missing, would be stored in any order.',
  },
];

/** Options that an older server does not know. */
const optionsSince: readonly { readonly name: RegExp; readonly option: RegExp; readonly since: number }[] = [
  { name: /^hscan$/i, option: /^novalues$/i, since: 7.4 },
];

export function isExcludedForm(command: Command, redisVersion: number): boolean {
  const [name = '', ...args] = command.map((arg) => (typeof arg === 'string' ? arg : ''));
  const isNew = optionsSince.some(
    ({ name: command, option, since }) =>
      redisVersion < since && command.test(name) && args.some((arg) => option.test(arg)),
  );
  if (isNew) return true;
  return excludedForms.some((form) => redisVersion < form.before && form.name.test(name) && form.matches(args));
}
