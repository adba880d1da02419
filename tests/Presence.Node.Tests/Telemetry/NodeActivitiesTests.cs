using System.Diagnostics;
using Presence.Node.Telemetry;

namespace Presence.Node.Tests.Telemetry;

public sealed class NodeActivitiesTests
{
    [Fact]
    public void Spans_without_a_listener_allocate_nothing()
    {
        Assert.Equal(0, AllocatedBytes.Fewest(() => AllocatedBytes.Of(() => Spans(1000))));

        static void Spans(int count)
        {
            for (var i = 0; i < count; i++)
            {
                using var scope = NodeActivities.Continue(NodeActivities.Cause);
                using var track = NodeActivities.Start(NodeActivities.Track);
                using var deliver = NodeActivities.Start(NodeActivities.Deliver, cause: null);
            }
        }
    }

    [Fact]
    public void Activity_of_the_application_stays_current_without_a_listener()
    {
        using var request = new Activity("request").Start();
        using (NodeActivities.Continue(cause: null))
        {
            Assert.Same(request, Activity.Current);
        }

        Assert.Same(request, Activity.Current);
    }
}
