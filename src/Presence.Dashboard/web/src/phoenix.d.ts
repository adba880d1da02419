/** The part of the stock client that is used here. */
declare module "phoenix" {
  export class Push {
    receive(status: string, callback: (response: any) => void): this;
  }

  export class Channel {
    on(event: string, callback: (payload: any) => void): number;
    onError(callback: () => void): void;
    join(): Push;
    leave(): Push;
    push(event: string, payload: object): Push;
  }

  export class Socket {
    constructor(endpoint: string, options?: object);
    connect(): void;
    disconnect(callback?: () => void): void;
    isConnected(): boolean;
    onOpen(callback: () => void): void;
    onClose(callback: () => void): void;
    onError(callback: () => void): void;
    channel(topic: string, parameters?: object): Channel;
  }
}
