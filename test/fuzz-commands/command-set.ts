/** The commands of a server with the grammar of their arguments, as COMMAND DOCS and COMMAND tell them. */
import { type RawClient } from '../support/raw-client.js';
import { MapReply, type Reply, SetReply, show, Simple } from '../support/resp.js';

/** A node of a command's grammar. */
export interface Argument {
  readonly name: string;
  readonly type: string;
  readonly token?: string;
  readonly optional: boolean;
  readonly multiple: boolean;
  readonly parts: readonly Argument[];
}

export interface CommandSpec {
  /** `set`, or `client|list` for a subcommand. */
  readonly name: string;
  readonly group: string;
  readonly args: readonly Argument[];
}

type Fields = ReadonlyMap<string, Reply>;

function text(reply: Reply | undefined): string {
  if (typeof reply === 'string') return reply;
  if (reply instanceof Simple) return reply.text;
  throw new Error(`text expected, not ${reply === undefined ? 'nothing' : show(reply)}`);
}

function list(reply: Reply | undefined): readonly Reply[] {
  if (reply === undefined) return [];
  if (reply instanceof SetReply) return reply.items;
  if (!Array.isArray(reply)) throw new Error(`a list expected, not ${show(reply)}`);
  return reply as readonly Reply[];
}

function fields(reply: Reply | undefined): Fields {
  if (reply instanceof MapReply) return new Map(reply.entries.map(([name, value]) => [text(name), value]));
  const flat = list(reply);
  return new Map(flat.flatMap((name, i) => (i % 2 === 0 ? [[text(name), flat[i + 1] ?? '']] : [])));
}

function argument(reply: Reply): Argument {
  const of = fields(reply);
  const flags = list(of.get('flags')).map(text);
  const token = of.get('token');
  return {
    name: text(of.get('name')),
    type: text(of.get('type')),
    ...(token === undefined ? {} : { token: text(token) }),
    optional: flags.includes('optional'),
    multiple: flags.includes('multiple'),
    parts: list(of.get('arguments')).map(argument),
  };
}

function specs(name: string, docs: Reply): CommandSpec[] {
  const of = fields(docs);
  const own = { name, group: text(of.get('group')), args: list(of.get('arguments')).map(argument) };
  const children = [...fields(of.get('subcommands'))].flatMap(([child, reply]) => specs(child, reply));
  return children.length > 0 && own.args.length === 0 ? [own, ...children] : [own];
}

export async function commandSet(client: RawClient): Promise<CommandSpec[]> {
  const docs = fields(await client.cmd('COMMAND', 'DOCS'));
  const names = list(await client.cmd('COMMAND', 'LIST')).map(text);
  const missing = names.filter((name) => !name.includes('|') && !docs.has(name));
  if (missing.length > 0) throw new Error(`COMMAND DOCS does not know ${missing.join(', ')}`);
  return [...docs].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([name, reply]) => specs(name, reply));
}
