using Presence.Harness.Networks;

namespace Presence.Node.Tests.Support;

public sealed class FreePortsTests
{
    [Fact]
    public void Port_is_returned_once()
    {
        // A range of its own: other tests take theirs above 20,000 or below 6,000.
        const int Count = 3, First = 18_000;
        var found = Enumerable.Range(0, Count)
            .Select(_ => FreePorts.Find(from: First, below: First + Count))
            .Order();
        Assert.Equal(Enumerable.Range(First, Count), found);
        Assert.Throws<InvalidOperationException>(() => FreePorts.Find(from: First, below: First + Count));
    }
}
