/**
 * Runs the control commands that arrive from the data plane: decodes each frame, finds the handler, encodes the reply.
 * Replies that are ready at once leave together with their batch.
 */
import { type Bytes, bytesOf } from '../bytes.js';
import Parser from 'redis-parser';
import type { ControlBatch, ControlReply, ControlRequest } from '../native.js';
import { type ControlCommand, type Handler, type Services, noReply, quotable, word } from './command.js';
import { type Reply, ReplyError, encode } from './resp.js';

/** Decodes one RESP array of bulk strings. Throws when it is anything else. */
export function decodeFrame(frame: Buffer): Bytes[] {
  let decoded: unknown;
  const parser = new Parser({
    returnBuffers: true,
    returnReply: (reply: unknown) => (decoded = reply),
    returnError: (error: Error) => (decoded = error),
    returnFatalError: (error: Error) => (decoded = error),
  });
  parser.execute(frame);
  if (!Array.isArray(decoded) || decoded.length === 0 || !decoded.every((item) => Buffer.isBuffer(item))) {
    throw new Error('a control frame is not one array of bulk strings');
  }
  return decoded.map(bytesOf);
}

function handlerTable(commands: readonly ControlCommand[]): Map<string, Handler> {
  const table = new Map<string, Handler>();
  for (const { row, handler, subcommands } of commands) {
    if (handler !== undefined) table.set(row.name, handler);
    for (const sub of subcommands ?? []) {
      if (sub.handler !== undefined) table.set(`${row.name}|${sub.row.name}`, sub.handler);
    }
  }
  return table;
}

export class Dispatcher {
  private readonly handlers: Map<string, Handler>;

  constructor(
    private readonly services: Services,
    commands: readonly ControlCommand[],
  ) {
    this.handlers = handlerTable(commands);
  }

  /** Native has checked that the command exists; what is missing here is told apart as Redis would. */
  private find(args: readonly Bytes[]): Handler {
    const name = word(args, 0).toLowerCase();
    const handler = this.handlers.get(`${name}|${word(args, 1).toLowerCase()}`) ?? this.handlers.get(name);
    if (handler !== undefined) return handler;
    const sub = quotable(word(args, 1), 128);
    throw new ReplyError(`ERR unknown subcommand '${sub}'. Try ${name.toUpperCase()} HELP.`);
  }

  private run(request: ControlRequest, frame: Buffer): ReturnType<Handler> {
    const { clientId, db, resp, user, inMulti, keyspace } = request;
    const args = decodeFrame(frame);
    return this.find(args)({ ...this.services, clientId, db, resp, user, inMulti, keyspace }, args);
  }

  private failed(error: unknown): Reply {
    if (error instanceof ReplyError) return error;
    this.services.log.error({ err: String((error as Error).stack ?? error) }, 'a control command failed');
    return new ReplyError('ERR internal error');
  }

  /** One request; a plain value means that the reply is ready. */
  private handle(request: ControlRequest, frame: Buffer): ControlReply | Promise<ControlReply> {
    const started = performance.now();
    const finish = (reply: Reply | typeof noReply): ControlReply => ({
      token: request.token,
      reactor: request.reactor,
      data: reply === noReply ? '' : encode(reply, request.resp),
      usec: Math.round((performance.now() - started) * 1000),
    });
    try {
      const result = this.run(request, frame);
      if (!(result instanceof Promise)) return finish(result);
      return result.then(finish, (error: unknown) => finish(this.failed(error)));
    } catch (error) {
      return finish(this.failed(error));
    }
  }

  onBatch(batch: ControlBatch): void {
    const ready: ControlReply[] = [];
    for (const request of batch.requests) {
      const { offset, length } = request;
      const result = this.handle(request, batch.frames.subarray(offset, offset + length));
      if (result instanceof Promise) void result.then((item) => this.services.native.reply([item]));
      else ready.push(result);
    }
    if (ready.length > 0) this.services.native.reply(ready);
  }
}
