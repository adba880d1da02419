using Presence.Silo;

// On two processors the pool starts with two threads and adds one per 500 ms; threads blocked during membership changes
// delayed everything else by up to 1 s.
const int MinThreads = 32;
ThreadPool.GetMinThreads(out var workers, out var ports);
ThreadPool.SetMinThreads(Math.Max(workers, MinThreads), ports);

return await SiloProgram.RunAsync(args, Console.Out, Console.Error);
