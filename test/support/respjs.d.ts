declare module 'respjs' {
  import { EventEmitter } from 'node:events';

  /** A streaming RESP2 decoder: emits 'data' per reply and 'error' for what is not RESP. */
  class Resp extends EventEmitter {
    constructor(options?: { bufBulk?: boolean });
    write(bytes: Buffer): boolean;
  }
  export = Resp;
}
