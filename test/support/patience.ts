/**
 * How many times longer than on an idle machine a test waits before it gives up. No test takes longer for it: what is
 * waited for is an event. CAIRN_TEST_PATIENCE is for machines that are slower still.
 */
export const patience = Number(process.env['CAIRN_TEST_PATIENCE'] ?? 4);
