/** Clients that wait for keys (BLPOP, XREAD BLOCK ...), and one that does not. */
import { type RawClient } from './raw-client.js';
import { type Reply } from './resp.js';
import { eventually, type TestServer } from './server.js';

/** Connections of one test; `admin` never waits. */
export class Scene implements Disposable {
  readonly waiting: RawClient[] = [];
  private constructor(
    readonly server: TestServer,
    readonly admin: RawClient,
  ) {}
  static async start({ current }: { readonly current: TestServer }): Promise<Scene> {
    const scene = new Scene(current, await current.connect());
    await scene.admin.cmd('FLUSHALL');
    return scene;
  }
  async blocked(): Promise<number> {
    return Number(/^blocked_clients:(\d+)/m.exec((await this.admin.run('INFO clients')) as string)?.[1]);
  }
  async allBlocked(count: number): Promise<void> {
    await eventually(`${count} clients wait`, async () => (await this.blocked()) === count);
  }
  /** A client that waits when this returns; its reply comes later. */
  async wait(...command: (string | number)[]): Promise<Waiting> {
    return this.waitBy(await this.connect(), ...command);
  }
  async connect(): Promise<RawClient> {
    const client = await this.server.connect();
    this.waiting.push(client);
    return client;
  }
  async waitBy(client: RawClient, ...command: (string | number)[]): Promise<Waiting> {
    const before = await this.blocked();
    const waiting = new Waiting(client, client.cmd(...command));
    await this.allBlocked(before + 1);
    return waiting;
  }
  [Symbol.dispose](): void {
    for (const client of [this.admin, ...this.waiting]) client[Symbol.dispose]();
  }
}

export class Waiting {
  got: Reply | undefined;
  constructor(
    readonly client: RawClient,
    readonly reply: Promise<Reply>,
  ) {
    reply.then(
      (value) => (this.got = value),
      () => undefined,
    );
  }
}
