// Loaded before a program that cannot be told where to listen: whatever it says, it listens on loopback alone.
import { Server } from 'node:net'

const { listen } = Server.prototype
Server.prototype.listen = function listenOnLoopback(...args) {
  const callback = args.findLast((each) => typeof each === 'function')
  const port = typeof args[0] === 'object' ? args[0].port : args[0]
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, callback)
}
