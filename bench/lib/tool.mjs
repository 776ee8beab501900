// Runs a measuring tool to its end and returns what it printed.

import { clearTimeout, setTimeout } from 'node:timers';

import { spawnTracked } from './cleanup.mjs';

/**
 * @param {string} command
 * @param {string[]} args
 * @param {number} secondsMax it is killed and the call fails after this long
 * @returns {Promise<string>} standard output
 */
export function runTool(command, args, secondsMax) {
  return new Promise((resolve, reject) => {
    const child = spawnTracked(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, secondsMax * 1000);
    child.stdout?.setEncoding('utf8').on('data', (chunk) => (output += chunk));
    child.stderr?.setEncoding('utf8').on('data', (chunk) => (errors += chunk));
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`${command}: ${error.message}`));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(output);
      const why = late ? `not done after ${secondsMax} s` : `ended with ${code ?? signal}`;
      reject(new Error(`${command} ${args.join(' ')}: ${why}\n${errors || output}`));
    });
  });
}
