// The worker thread's entry: computes the figures it is asked for and ends.
import { parentPort, workerData } from 'node:worker_threads';
import { computeFigures, type FiguresRequest } from './computeFigures.ts';

parentPort?.postMessage(await computeFigures(workerData as FiguresRequest));
