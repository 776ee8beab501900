/** File systems on loop devices that really fill up or fail. They need root. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, type TestContext } from 'vitest';
import { patience } from './patience.js';
import { makeTempDir } from './server.js';

const mb = 1024 * 1024;

export interface SmallDiskOptions {
  bytes: number;
  /** ext3 cannot reserve blocks. */
  type?: 'ext3' | 'ext4';
  /** Of the device, and so of direct I/O on it: 512 unless given. */
  sectorBytes?: 512 | 4096;
  /** Its image lies on this one, as a sparse file: it may promise more than there is. */
  on?: SmallDisk;
}

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { timeout: 20_000 * patience });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr.toString().trim()}`);
  return stdout.toString().trim();
}

const mounted = new Set<SmallDisk>();
process.on('exit', () => {
  SmallDisk.removeAll();
});

export class SmallDisk {
  private readonly base = makeTempDir('cairn-small-disk-');
  private readonly mountPoint = path.join(this.base, 'mnt');
  private readonly image: string;
  private device = '';
  /** For the server's data. */
  readonly dir = path.join(this.mountPoint, 'data');

  constructor({ bytes, type = 'ext4', sectorBytes = 512, on }: SmallDiskOptions) {
    mounted.add(this);
    this.image = path.join(on?.mountPoint ?? this.base, 'image');
    try {
      fs.closeSync(fs.openSync(this.image, 'w'));
      fs.truncateSync(this.image, bytes);
      fs.mkdirSync(this.mountPoint);
      this.device = run('losetup', '--sector-size', String(sectorBytes), '--find', '--show', this.image);
      // What the file system needs for itself is there from the start, also of a sparse image.
      const whole = ['-J', 'size=4', '-E', 'lazy_itable_init=0,lazy_journal_init=0,nodiscard'];
      run(`mkfs.${type}`, '-q', '-F', '-m', '0', ...(on === undefined ? [] : whole), this.device);
      run('mount', this.device, this.mountPoint);
      fs.mkdirSync(this.dir);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** The last ones first: they may lie on others. */
  static removeAll(): void {
    for (const disk of [...mounted].reverse()) disk.remove();
  }

  /** As `df` tells it. */
  get used(): number {
    const { blocks, bfree, bsize } = fs.statfsSync(this.mountPoint);
    return (blocks - bfree) * bsize;
  }

  get free(): number {
    const { bavail, bsize } = fs.statfsSync(this.mountPoint);
    return bavail * bsize;
  }

  private get ballast(): string {
    return path.join(this.mountPoint, 'ballast');
  }

  takeAll(): void {
    const file = fs.openSync(this.ballast, 'w');
    try {
      for (const bytes of [mb, 1024]) {
        try {
          for (;;) fs.writeSync(file, Buffer.alloc(bytes));
        } catch (error) {
          expect(error).toMatchObject({ code: 'ENOSPC' });
        }
      }
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
  }

  giveBack(): void {
    fs.rmSync(this.ballast);
  }

  /** Every access beyond so many bytes of the device fails from now on, with EIO. */
  breakBeyond(bytes: number): void {
    fs.truncateSync(this.image, bytes);
    run('losetup', '--set-capacity', this.device);
  }

  remove(): void {
    if (!mounted.delete(this)) return;
    const isMounted = (): boolean => fs.readFileSync('/proc/self/mounts', 'utf8').includes(` ${this.mountPoint} `);
    if (isMounted() && spawnSync('umount', [this.mountPoint]).status !== 0)
      spawnSync('umount', ['-l', this.mountPoint]);
    if (this.device !== '') spawnSync('losetup', ['--detach', this.device]);
    if (!isMounted()) fs.rmSync(this.base, { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

/** Why there are none here; undefined: there are. */
function refusesSmallDisks(): string | undefined {
  try {
    new SmallDisk({ bytes: 16 * mb }).remove();
    return undefined;
  } catch (error) {
    return `no file system on a loop device here: ${String(error)}`;
  }
}

/** For the tests of a file or of a describe: those that need such a disk are skipped, with the reason, where there is none. */
export function useSmallDisks(): { needed(context: TestContext): void } {
  let refused: string | undefined;
  beforeAll(() => {
    refused = refusesSmallDisks();
  });
  afterAll(() => {
    SmallDisk.removeAll();
  });
  return { needed: (context) => context.skip(refused !== undefined, refused) };
}
