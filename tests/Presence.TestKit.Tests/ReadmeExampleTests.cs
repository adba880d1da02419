namespace Presence.TestKit.Tests;

public sealed class ReadmeExampleTests
{
    [Fact]
    public void Readme_example_works()
    {
        // <readme>
        var cluster = new SimulatedCluster(seed: 42);
        var a = cluster.Start("a");
        var b = cluster.Start("b");

        var tab = a.OpenSession();
        a.Track(tab, "lobby", "alice", PresenceMeta.Parse("""{"page":"/"}"""));
        cluster.Run(TimeSpan.FromSeconds(1));
        Assert.Equal("""{"page":"/"}""", b.List("lobby").GetByKey("alice")[0].Meta.ToString());

        // Presences of an unreachable node leave, and return when it is reachable again.
        cluster.Network.Cut("a", "b");
        cluster.Run(TimeSpan.FromSeconds(3));
        Assert.Empty(b.List("lobby"));
        a.Update(tab, "lobby", "alice", PresenceMeta.Parse("""{"page":"/checkout"}"""));

        // Ends all faults, runs until the cluster is at rest and checks that all nodes list the same.
        cluster.Settle();
        Assert.Equal("""{"page":"/checkout"}""", b.List("lobby").GetByKey("alice")[0].Meta.ToString());
        // </readme>
    }

    [Fact]
    public void Readme_example_is_the_compiled_one() => ReadmeExample.IsCompiled(ReadmeExample.ThisFile());
}
