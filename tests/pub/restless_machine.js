'use strict'

// Required before a pub, lets its machine change at SIGUSR2: an interface comes, as with a container, and the clock is
// set forward. Intervals are shorter, so that whoever looks now and then sees it soon.

const os = require('node:os')

const FASTER = 20
const FORWARD = 60000

const { networkInterfaces } = os
const { now } = Date
const { setInterval } = globalThis

globalThis.setInterval = (run, time, ...rest) => setInterval(run, time / FASTER, ...rest)

process.on('SIGUSR2', () => {
  os.networkInterfaces = () => ({ ...networkInterfaces(), veth1: [{ address: '172.18.0.1', family: 'IPv4', internal: false }] })
  Date.now = () => now() + FORWARD
})
