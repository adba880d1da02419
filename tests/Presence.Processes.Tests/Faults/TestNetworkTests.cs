namespace Presence.Processes.Tests.Faults;

public sealed class TestNetworkTests
{
    [SkippableFact]
    public async Task Networks_that_choose_the_same_number_have_addresses_of_their_own()
    {
        const int Number = 7;
        var networks = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => TestNetwork.CreateAsync(Number)));
        try
        {
            Assert.Distinct(networks.Select(network => network.HostAddress));
        }
        finally
        {
            await Task.WhenAll(networks.Select(network => network.DisposeAsync().AsTask()));
        }
    }
}
