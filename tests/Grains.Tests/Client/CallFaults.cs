namespace Presence.Grains.Tests.Client;

/// <summary>Counts the grain calls that reach the silos, and makes some of them fail or hang.</summary>
internal sealed class CallFaults : IIncomingGrainCallFilter
{
    private readonly TaskCompletionSource _hanging = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ConcurrentQueue<(string Target, string Method)> Calls { get; } = new();

    /// <summary>Gets the numbers of topics of the checks of silos.</summary>
    public ConcurrentQueue<int> CheckedTopics { get; } = new();

    /// <summary>Gets or sets which calls do not complete until <see cref="Release"/>.</summary>
    public Func<IIncomingGrainCallContext, bool> HangsAt { get; set; } = static _ => false;

    /// <summary>Gets or sets which calls are executed and not answered until <see cref="Release"/>.</summary>
    public Func<IIncomingGrainCallContext, bool> AnswersLate { get; set; } = static _ => false;

    /// <summary>Gets or sets which calls are executed and time out.</summary>
    public Func<IIncomingGrainCallContext, bool> LosesAnswer { get; set; } = static _ => false;

    /// <summary>Gets or sets the exception of a call; null if it is executed.</summary>
    public Func<IIncomingGrainCallContext, Exception?> FailsWith { get; set; } = static _ => null;

    /// <summary>Completes the hanging calls, which would delay the stop of their silo.</summary>
    public void Release() => _hanging.TrySetResult();

    public async Task Invoke(IIncomingGrainCallContext context)
    {
        Calls.Enqueue((context.TargetId.Type.ToString()!, context.MethodName));
        if (context is { MethodName: "Check", Request: var request }
            && request.GetArgument(0) is IReadOnlyList<string> topics)
        {
            CheckedTopics.Enqueue(topics.Count);
        }

        if (HangsAt(context))
        {
            await _hanging.Task;
        }

        if (FailsWith(context) is { } error)
        {
            throw error;
        }

        await context.Invoke();
        if (LosesAnswer(context))
        {
            throw new TimeoutException("The answer was lost.");
        }

        if (AnswersLate(context))
        {
            await _hanging.Task;
        }
    }
}

/// <summary>Completes hanging calls before the cluster stops, which would wait for them.</summary>
internal sealed class Released(CallFaults faults) : IDisposable
{
    public void Dispose() => faults.Release();
}
