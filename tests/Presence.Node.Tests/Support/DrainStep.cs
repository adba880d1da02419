namespace Presence.Node.Tests.Support;

internal sealed class DrainStep(Action drain) : IDrainParticipant
{
    public Task DrainAsync(CancellationToken cancellation)
    {
        drain();
        return Task.CompletedTask;
    }
}
