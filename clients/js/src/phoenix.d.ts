/** The part of the phoenix client that this package uses; versions 1.7 and 1.8 have it, without types of their own. */
declare module "phoenix" {
  export interface Push {
    receive(status: string, callback: (response: never) => void): Push;
  }

  export class Channel {
    readonly topic: string;
    joinRef(): string;
    join(timeout?: number): Push;
    leave(timeout?: number): Push;
    push(event: string, payload: object, timeout?: number): Push;
    on(event: string, callback: (payload: never) => void): number;
    off(event: string, ref?: number): void;
    onError(callback: (reason?: unknown) => void): number;
    onClose(callback: () => void): number;
  }

  export class Socket {
    channel(topic: string, params?: object | (() => object)): Channel;
    connect(): void;
    disconnect(): void;
    isConnected(): boolean;
  }

  export class Presence {
    /** The join whose state has been received. */
    joinRef: string | null;
    constructor(channel: Channel);
    onSync(callback: () => void): void;
    onJoin(callback: (key: string, current: unknown, joined: unknown) => void): void;
    onLeave(callback: (key: string, current: unknown, left: unknown) => void): void;
    list<T>(choose: (key: string, presence: { metas: object[] }) => T): T[];
  }
}
