/** The server's life, stopped in every phase: each step of the start is held until the test lets it go on. */
import { describe, expect, test } from 'vitest';
import { pino } from 'pino';
import { parseFlags } from '../../src/config/conf-syntax.js';
import { type Phase, phases } from '../../src/life.js';
import type { NativeAddon } from '../../src/native.js';
import { Server } from '../../src/server.js';
import { FakeNative, makeBench, nativeRows } from './fake-native.js';

/** A native side whose calls wait until they are let go. */
class HeldNative extends FakeNative {
  private readonly held = new Map<string, { reached: () => void; gate: Promise<void> }>();

  /** Resolves when the call has been made; what it resolves to lets it go on. */
  hold(name: 'open' | 'listen' | 'stop'): Promise<() => void> {
    return new Promise((reached) => {
      let release = (): void => undefined;
      const gate = new Promise<void>((resolve) => (release = resolve));
      this.held.set(name, { reached: () => reached(release), gate });
      const plain = this[name].bind(this) as () => Promise<unknown>;
      const through = async (): Promise<unknown> => {
        this.calls.push(name);
        this.held.get(name)?.reached();
        await gate;
        return plain();
      };
      Object.assign(this, { [name]: through });
    });
  }
}

function makeServer(): { server: Server; native: HeldNative; announced: () => boolean } {
  const native = new HeldNative();
  let ready = false;
  const addon = { createServer: () => native, commandTable: () => nativeRows } as unknown as NativeAddon;
  const { config } = makeBench({ flags: parseFlags(['--metrics-port', '0']).directives }).services;
  const server = new Server({ addon, config, log: pino({ level: 'silent' }), announce: () => void (ready = true) });
  return { server, native, announced: () => ready };
}

/** What happens when the stop comes in that phase. */
const cases: Record<Phase, () => Promise<void>> = {
  configuring: async () => {
    const { server, native, announced } = makeServer();
    expect(server.phase).toBe('configuring');
    void server.stop('test');
    await server.start();
    expect(await server.finished).toBe(0);
    expect(native.calls).toEqual(['stop']);
    expect(announced()).toBe(false);
  },
  recovering: async () => {
    const { server, native, announced } = makeServer();
    const opening = native.hold('open');
    const started = server.start();
    const go = await opening;
    expect(server.phase).toBe('recovering');
    void server.stop('test');
    go();
    await started;
    expect(await server.finished).toBe(0);
    expect(native.calls).toEqual(['open', 'stop']);
    expect(announced()).toBe(false);
  },
  opening: async () => {
    const { server, native, announced } = makeServer();
    const listening = native.hold('listen');
    const started = server.start();
    const go = await listening;
    expect(server.phase).toBe('opening');
    void server.stop('test');
    go();
    await started;
    expect(await server.finished).toBe(0);
    expect(native.calls).toEqual(['listen', 'stop']);
    expect(announced()).toBe(false);
  },
  ready: async () => {
    const { server, announced } = makeServer();
    await server.start();
    expect(server.phase).toBe('ready');
    expect(announced()).toBe(true);
    await server.stop('test');
    expect(await server.finished).toBe(0);
  },
  stopping: async () => {
    const { server, native } = makeServer();
    await server.start();
    const stopping = native.hold('stop');
    const first = server.stop('test');
    const go = await stopping;
    expect(server.phase).toBe('stopping');
    const second = server.stop('again');
    go();
    await Promise.all([first, second]);
    expect(await server.finished).toBe(0);
    expect(native.calls.filter((call) => call === 'stop')).toHaveLength(2); // the held one and what it wraps
  },
};

describe('a stop', () => {
  test.each(phases)('while %s', async (phase) => cases[phase]());

  test('that fails is told by the exit code', async () => {
    const { server, native } = makeServer();
    await server.start();
    native.stop = async () => {
      throw new Error('the disk is gone');
    };
    await server.stop('test');
    expect(await server.finished).toBe(1);
  });
});
