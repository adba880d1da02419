namespace Presence.TestKit.Tests;

public sealed class ReadmeExampleTests
{
    [Fact]
    public void The_example_of_the_readme_does_what_it_says()
    {
        // <readme>
        var cluster = new SimulatedCluster(seed: 42);
        var a = cluster.Start("a");
        var b = cluster.Start("b");

        var tab = a.StartProcess();
        a.Track(tab, "lobby", "alice", PresenceMeta.Parse("""{"page":"/"}"""));
        cluster.Run(TimeSpan.FromSeconds(1));
        Assert.Equal("""{"page":"/"}""", b.List("lobby").GetByKey("alice")[0].Meta.ToString());

        // Nobody is shown who cannot be heard, and everybody comes back by itself.
        cluster.Network.Cut("a", "b");
        cluster.Run(TimeSpan.FromSeconds(3));
        Assert.Empty(b.List("lobby"));
        a.Update(tab, "lobby", "alice", PresenceMeta.Parse("""{"page":"/checkout"}"""));

        // Ends all faults, lets the cluster come to rest and checks that all members list the same.
        cluster.Settle();
        Assert.Equal("""{"page":"/checkout"}""", b.List("lobby").GetByKey("alice")[0].Meta.ToString());
        // </readme>
    }

    [Fact]
    public void The_example_of_the_readme_is_the_one_that_is_compiled() => ReadmeExample.IsCompiled(ReadmeExample.ThisFile());
}
