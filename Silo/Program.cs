using Presence.Silo;

// A machine with two processors has two threads in the pool, and one more every half a second: whatever blocks a thread or two when a
// silo dies or comes would hold up all that others wait for, up to a second as was seen.
const int EnoughThreads = 32;
ThreadPool.GetMinThreads(out var workers, out var ports);
ThreadPool.SetMinThreads(Math.Max(workers, EnoughThreads), ports);

return await SiloProgram.RunAsync(args, Console.Out, Console.Error);
